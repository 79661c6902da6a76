from tortoise import fields, migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import UniqueConstraint

from migrations._columns import IdField
from migrations._together import Together

_REFUSE_CHANGE = """
    CREATE OR REPLACE FUNCTION half_year_report_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            OLD.state := NEW.state;
            OLD.acknowledged_at := NEW.acknowledged_at;
            OLD.acknowledged_by_id := NEW.acknowledged_by_id;
            OLD.version := NEW.version;
            IF current_setting('linli.merge', true) = 'on' THEN OLD.membership_id := NEW.membership_id; END IF;
            IF current_setting('linli.reencrypt', true) = 'on' THEN
                OLD.content := NEW.content;
                OLD.words := NEW.words;
            END IF;
            IF NEW IS NOT DISTINCT FROM OLD THEN RETURN NEW; END IF;
        END IF;
        RAISE EXCEPTION 'a released report does not change' USING ERRCODE = 'integrity_constraint_violation';
    END $$
"""
"""As in 0003, and the same words may be encrypted with another key."""


class Migration(migrations.Migration):
    dependencies = [("linli", "0013_roster_links")]

    initial = False

    operations = [
        Together(
            [
                ops.CreateModel(
                    name="KeyInUse",
                    fields=[
                        ("id", IdField(primary_key=True, unique=True, db_index=True, generated=False, null=False)),
                        ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        ("purpose", fields.CharField(max_length=8)),
                        ("key_id", fields.CharField(max_length=64)),
                        ("fingerprint", fields.BinaryField()),
                    ],
                    options={
                        "table": "key_in_use",
                        "app": "linli",
                        "pk_attr": "id",
                        "table_description": "A key with which data here were made: to encrypt, or the one to index.",
                    },
                    bases=["Model"],
                ),
                ops.AddConstraint(
                    model_name="KeyInUse",
                    constraint=UniqueConstraint(fields=("purpose", "key_id"), name="key_in_use_once"),
                ),
                ops.RunSQL(_REFUSE_CHANGE, ""),
            ]
        )
    ]
