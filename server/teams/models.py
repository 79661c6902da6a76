from typing import Any

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint

from server.foundation.database import Model, SqlIndex


class Team(Model):
    """Volunteers who do things together 团队: a leader and up to nine others. It ends, and is never deleted.

    `name` is what the leader wrote; others see `shown_name`, the last one that passed the content check. `size` counts
    the people in it, the leader too.
    """

    leader_id: str
    leader: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "linli.Person", related_name=False, on_delete=fields.RESTRICT
    )
    community_id: str
    community: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "linli.Organization", related_name=False, on_delete=fields.RESTRICT
    )
    name = fields.CharField(max_length=20)
    shown_name = fields.CharField(max_length=20, default="")
    size = fields.SmallIntField(default=1)
    ended_at = fields.DatetimeField(null=True)
    version = fields.IntField(default=1)

    class Meta:
        table = "team"
        constraints = [CheckConstraint(check="size BETWEEN 1 AND 10", name="team_size")]
        indexes = [
            SqlIndex(name="team_leader", columns="leader_id, id", where="ended_at IS NULL"),
            SqlIndex(name="team_community", columns="community_id, id", where="ended_at IS NULL"),
        ]


class TeamMember(Model):
    """A person's time in a team, from `created_at` to `left_at`; the leader has one too."""

    team_id: str
    team: fields.ForeignKeyRelation[Team] = fields.ForeignKeyField(
        "linli.Team", related_name=False, on_delete=fields.RESTRICT
    )
    person_id: str
    person: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "linli.Person", related_name=False, on_delete=fields.RESTRICT
    )
    left_at = fields.DatetimeField(null=True)

    class Meta:
        table = "team_member"
        indexes = [
            SqlIndex(name="team_member_active", columns="team_id, person_id", where="left_at IS NULL", unique=True),
            SqlIndex(name="team_member_person", columns="person_id, team_id", where="left_at IS NULL"),
        ]
