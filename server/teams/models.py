from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint

from server.foundation.database import Model, SqlIndex, foreign_key


class Team(Model):
    """Volunteers who do things together 团队: a leader and up to nine others. It ends, and is never deleted.

    `name` is what the leader wrote; others see `shown_name`, the last one that passed the content check. `size` counts
    the people in it, the leader too. `code_number` tells the codes apart by which one joins.
    """

    leader = foreign_key("Person")
    leader_id: str
    community = foreign_key("Organization")
    community_id: str
    name = fields.CharField(max_length=20)
    shown_name = fields.CharField(max_length=20, default="")
    size = fields.SmallIntField(default=1)
    code_number = fields.IntField(default=1, db_default=1)
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

    team = foreign_key("Team")
    person = foreign_key("Person")
    person_id: str
    left_at = fields.DatetimeField(null=True)

    class Meta:
        table = "team_member"
        indexes = [
            SqlIndex(name="team_member_active", columns="team_id, person_id", where="left_at IS NULL", unique=True),
            SqlIndex(name="team_member_person", columns="person_id, team_id", where="left_at IS NULL"),
        ]
