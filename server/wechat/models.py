"""What WeChat pushed to us, stored before it is answered."""

from typing import Any

from tortoise import fields
from tortoise.migrations.constraints import UniqueConstraint

from server.foundation.database import Model, SqlIndex


class StoredPush(Model):
    """One event of a push. `key` is the same for every repetition of it, so the constraint makes it count once."""

    key = fields.CharField(max_length=64)
    event: Any = fields.JSONField()

    class Meta:
        table = "stored_push"
        constraints = [UniqueConstraint(fields=("key",), name="stored_push_key")]
        indexes = [SqlIndex(name="stored_push_age", columns="created_at")]
