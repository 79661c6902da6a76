"""The ledger of what people did 服务记录: minutes and points, each row with its source and the rule that priced it."""

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from server.foundation.database import IdField, Model, SqlIndex, foreign_key


class ServiceRule(Model):
    """What one kind of service is worth, from `valid_from` on. A change is a new version; no row is ever edited.

    The caps bound the points that one person gets under this rule in a day or month of Shanghai time; null: no bound.
    `changed_by_id` is the manager who made this version; null for the one that came with the program.
    """

    code = fields.CharField(max_length=32)
    version = fields.IntField()
    name = fields.CharField(max_length=50)
    points_per_event = fields.IntField(default=0)
    points_per_hour = fields.IntField(default=0)
    daily_cap = fields.IntField(null=True)
    monthly_cap = fields.IntField(null=True)
    valid_from = fields.DatetimeField()
    changed_by_id = IdField(null=True)

    class Meta:
        table = "service_rule"
        constraints = [
            UniqueConstraint(fields=("code", "version"), name="service_rule_version"),
            CheckConstraint(check="points_per_event >= 0 AND points_per_hour >= 0", name="service_rule_not_negative"),
            CheckConstraint(check="daily_cap >= 0 AND monthly_cap >= 0", name="service_rule_caps_not_negative"),
        ]


class ServiceEntry(Model):
    """Something a person did, append-only: the database refuses to change or delete a row (migrations/_guards.py).

    `created_at` is when it was recorded, `occurred_at` when it was done. `organization_id` is the community, grid and
    unit as they were then. A reversal is a row of its own with the opposite minutes and points. `words` is what staff
    wrote where they recorded or reversed something by hand.
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
    words = fields.CharField(max_length=200, default="")
    reversal_of = foreign_key("ServiceEntry", null=True)
    reversal_of_id: str | None

    class Meta:
        table = "service_entry"
        constraints = [
            CheckConstraint(
                check="reversal_of_id IS NOT NULL OR (minutes >= 0 AND points >= 0)", name="service_entry_not_negative"
            ),
        ]
        indexes = [
            # The same action is recorded once; the person last, so that a source's rows are found by it too.
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


class RankingPlace(Model):
    """In which grid's and unit's ranking a person wants to be shown, besides their community's; for those who consent
    (SHOW_IN_RANKING). Everybody says so themselves: it never follows from a membership, which could be read from it."""

    person_id = IdField()
    grid_id = IdField(null=True)
    unit_id = IdField(null=True)

    class Meta:
        table = "ranking_place"
        constraints = [UniqueConstraint(fields=("person_id",), name="ranking_place_person")]
        indexes = [
            SqlIndex(name="ranking_place_grid", columns="grid_id, person_id", where="grid_id IS NOT NULL"),
            SqlIndex(name="ranking_place_unit", columns="unit_id, person_id", where="unit_id IS NOT NULL"),
        ]
