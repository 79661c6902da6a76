"""Triggers and exclusion constraints: what the database itself refuses."""

from tortoise import migrations
from tortoise.migrations import operations as ops

from migrations._guards import GUARDS
from migrations._together import Together


class Migration(migrations.Migration):
    dependencies = [("linli", "0002_tables")]

    operations = [Together([ops.RunSQL(sql, undo) for sql, undo in GUARDS])]
