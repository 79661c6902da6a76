"""The ledger of what people did 服务记录: minutes and points, each row with its source and the rule that priced it."""

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from server.database import IdField, Model, SqlIndex


class ServiceRule(Model):
    """What one kind of service is worth, from `valid_from` on. A change is a new version; no row is ever edited.

    The caps bound the points that one person gets under this rule in a day or month of Shanghai time; null: no bound.
    """

    code = fields.CharField(max_length=32)
    version = fields.IntField()
    name = fields.CharField(max_length=50)
    points_per_event = fields.IntField(default=0)
    points_per_hour = fields.IntField(default=0)
    daily_cap = fields.IntField(null=True)
    monthly_cap = fields.IntField(null=True)
    valid_from = fields.DatetimeField()

    class Meta:
        table = "service_rule"
        constraints = [
            UniqueConstraint(fields=("code", "version"), name="service_rule_version"),
            CheckConstraint(check="points_per_event >= 0 AND points_per_hour >= 0", name="service_rule_not_negative"),
        ]


class ServiceEntry(Model):
    """Something a person did, append-only: the database refuses to change or delete a row (migrations/_guards.py).

    `created_at` is when it was recorded, `occurred_at` when it was done. `organization_id` is the community, grid and
    unit as they were then. A reversal is a row of its own with the opposite minutes and points.
    """

    person_id = IdField()
    rule = fields.CharField(max_length=32)
    rule_version = fields.IntField()
    source_kind = fields.CharField(max_length=32)
    source_id = IdField()
    minutes = fields.IntField(default=0)
    points = fields.IntField(default=0)
    occurred_at = fields.DatetimeField()
    organization_id = IdField(null=True)
    grid_id = IdField(null=True)
    unit_id = IdField(null=True)
    note_code = fields.CharField(max_length=32, default="")
    reversal_of: fields.ForeignKeyNullableRelation["ServiceEntry"] = fields.ForeignKeyField(
        "linli.ServiceEntry", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    reversal_of_id: str | None

    class Meta:
        table = "service_entry"
        constraints = [
            CheckConstraint(
                check="reversal_of_id IS NOT NULL OR (minutes >= 0 AND points >= 0)", name="service_entry_not_negative"
            ),
        ]
        indexes = [
            # The same deed is recorded once; the person last, so that a source's rows are found by it too.
            SqlIndex(
                name="service_entry_source",
                columns="source_kind, source_id, rule, person_id",
                where="reversal_of_id IS NULL",
                unique=True,
            ),
            SqlIndex(
                name="service_entry_reversal",
                columns="reversal_of_id",
                where="reversal_of_id IS NOT NULL",
                unique=True,
            ),
            SqlIndex(name="service_entry_person", columns="person_id, occurred_at, id"),
            SqlIndex(name="service_entry_organization", columns="organization_id, occurred_at"),
        ]
