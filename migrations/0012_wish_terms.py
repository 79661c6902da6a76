from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from migrations._together import Together


class Migration(migrations.Migration):
    dependencies = [("linli", "0011_accepted")]

    initial = False

    operations = [
        Together(
            [
                ops.AddField(
                    model_name="WishTerms",
                    name="contacts_a_day",
                    field=fields.SmallIntField(default=10, db_default=10),
                ),
                ops.AddField(
                    model_name="WishTerms",
                    name="first_claim",
                    field=fields.CharField(default="named", max_length=8, db_default="named"),
                ),
            ]
        )
    ]
