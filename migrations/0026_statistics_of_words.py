from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("linli", "0025_figures")]

    initial = False

    operations = [
        # PostgreSQL does not use what it knows of a partial index's expression: every word of the wall seemed rare, and
        # one that half of all wishes have was looked up in the words' index instead of along the wall.
        ops.RunSQL(
            "CREATE STATISTICS wish_words ON (text_bigrams((title || ' ' || text || ' ' || place))) FROM wish",
            "DROP STATISTICS wish_words",
        )
    ]
