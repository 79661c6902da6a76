"""微心愿: a wish, and the claims on it. Which state follows which is in rules.py, as one table."""

from enum import StrEnum
from typing import Any

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.migrations.constraints import CheckConstraint

from server.database import IdField, Model, SqlIndex


class WishKind(StrEnum):
    """What would fulfil it."""

    THING = "thing"
    SERVICE = "service"
    COMPANY = "company"
    SKILL = "skill"
    OTHER = "other"


class Audience(StrEnum):
    """Whom it is for."""

    ELDERLY = "elderly"
    CHILD = "child"
    DISABLED = "disabled"
    IN_HARDSHIP = "in_hardship"
    OTHER = "other"


class WishState(StrEnum):
    """`submitted`: in the content check and in review. `amended`: claimed, and edited since, so in review again.
    `reported`: the claimer says it is done, the wisher has not answered yet."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    REFUSED = "refused"
    PUBLISHED = "published"
    CLAIMED = "claimed"
    AMENDED = "amended"
    REPORTED = "reported"
    FULFILLED = "fulfilled"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    DISPUTED = "disputed"


class ClaimState(StrEnum):
    """`idle_returned`: nothing happened until it was due. `reassigned`: staff took it back. `wish_ended`: the wish was
    withdrawn or taken down. `unmet`: after a dispute, staff found that it was not fulfilled."""

    OPEN = "open"
    REPORTED = "reported"
    FULFILLED = "fulfilled"
    RELEASED = "released"
    IDLE_RETURNED = "idle_returned"
    REASSIGNED = "reassigned"
    WISH_ENDED = "wish_ended"
    UNMET = "unmet"


HOLDING = (ClaimState.OPEN, ClaimState.REPORTED, ClaimState.FULFILLED)
"""Claim states in which the wish is this claimer's; at most one claim of a wish is in one of them."""


class Wish(Model):
    """A small need that somebody can fulfil.

    `author` wrote it; `beneficiary` is who wishes: the same person, or one who agreed to be spoken for. `place` is
    public and coarse ("幸福小区东区"); `address` and `phone` are encrypted and shown to the claimer alone (without them
    the beneficiary's own, from accounts, are). `wished_by` is a day on people's clocks. `reason` says why staff
    returned or refused it. The search's index is wish_search in migrations/_guards.py.
    """

    author_id: str
    beneficiary_id: str
    community_id: str
    author: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "linli.Person", related_name=False, on_delete=fields.RESTRICT
    )
    beneficiary: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "linli.Person", related_name=False, on_delete=fields.RESTRICT
    )
    community: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "linli.Organization", related_name=False, on_delete=fields.RESTRICT
    )
    state = fields.CharEnumField(WishState, max_length=16, default=WishState.DRAFT)
    kind = fields.CharEnumField(WishKind, max_length=16)
    audience = fields.CharEnumField(Audience, max_length=16)
    title = fields.CharField(max_length=40)
    text = fields.CharField(max_length=1000, default="")
    place = fields.CharField(max_length=60, default="")
    picture_ids = ArrayField(element_type="uuid", default=list)
    address = fields.BinaryField(null=True)
    phone = fields.BinaryField(null=True)
    wished_by = fields.DateField(null=True)
    reason = fields.CharField(max_length=200, default="")
    submitted_at = fields.DatetimeField(null=True)
    published_at = fields.DatetimeField(null=True)
    version = fields.IntField(default=1)

    class Meta:
        table = "wish"
        constraints = [
            CheckConstraint(check="state IN ('draft', 'withdrawn') OR wished_by IS NOT NULL", name="wish_has_date"),
            CheckConstraint(check="cardinality(picture_ids) <= 6", name="wish_pictures"),
        ]
        indexes = [
            # The wall: one community, or a subtree's, soonest first.
            SqlIndex(name="wish_wall", columns="community_id, wished_by, id", where="state = 'published'"),
            SqlIndex(name="wish_wall_city", columns="wished_by, id", where="state = 'published'"),
            SqlIndex(name="wish_author", columns="author_id, id"),
            SqlIndex(name="wish_beneficiary", columns="beneficiary_id, id"),
            # Staff: the review queue, and the list of a state.
            SqlIndex(
                name="wish_review", columns="community_id, submitted_at, id", where="state IN ('submitted', 'amended')"
            ),
            SqlIndex(name="wish_community", columns="community_id, state, id"),
            SqlIndex(
                name="wish_expiry", columns="wished_by, id", where="state IN ('submitted', 'returned', 'published')"
            ),
        ]


class ConfirmedAs(StrEnum):
    """Whose word a confirmation is."""

    WISHER = "wisher"
    STAFF = "staff"


class WishClaim(Model):
    """Somebody's taking on of a wish; it ends, and is never deleted.

    `due_at`: until then it should be fulfilled. `note` and `picture_ids` are the report that it is done, `rating`
    (1–5), `words` and `thanks_picture_ids` the wisher's answer; `note_is_shown` and `words_are_shown` tell whether the
    content check has passed them. `end_reason` is the claimer's or the staff's, `dispute_reason` the wisher's,
    `staff_note` what staff wrote of the call or the decision.
    """

    wish_id: str
    claimer_id: str
    wish: fields.ForeignKeyRelation[Wish] = fields.ForeignKeyField(
        "linli.Wish", related_name=False, on_delete=fields.RESTRICT
    )
    claimer: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "linli.Person", related_name=False, on_delete=fields.RESTRICT
    )
    state = fields.CharEnumField(ClaimState, max_length=16, default=ClaimState.OPEN)
    due_at = fields.DatetimeField()
    reminded_at = fields.DatetimeField(null=True)
    note = fields.CharField(max_length=500, default="")
    picture_ids = ArrayField(element_type="uuid", default=list)
    note_is_shown = fields.BooleanField(default=False)
    reported_at = fields.DatetimeField(null=True)
    staff_told_at = fields.DatetimeField(null=True)
    rating = fields.SmallIntField(null=True)
    words = fields.CharField(max_length=500, default="")
    thanks_picture_ids = ArrayField(element_type="uuid", default=list)
    words_are_shown = fields.BooleanField(default=False)
    confirmed_at = fields.DatetimeField(null=True)
    confirmed_by_id = IdField(null=True)
    confirmed_as = fields.CharEnumField(ConfirmedAs, max_length=8, null=True)
    dispute_reason = fields.CharField(max_length=500, default="")
    disputed_at = fields.DatetimeField(null=True)
    staff_note = fields.CharField(max_length=500, default="")
    ended_at = fields.DatetimeField(null=True)
    end_reason = fields.CharField(max_length=200, default="")

    class Meta:
        table = "wish_claim"
        constraints = [
            CheckConstraint(check="rating BETWEEN 1 AND 5", name="wish_claim_rating"),
            CheckConstraint(
                check="(state IN ('open', 'reported', 'fulfilled')) = (ended_at IS NULL)", name="wish_claim_ended"
            ),
        ]
        indexes = [
            SqlIndex(
                name="wish_claim_one_holder",
                columns="wish_id",
                where="state IN ('open', 'reported', 'fulfilled')",
                unique=True,
            ),
            SqlIndex(name="wish_claim_wish", columns="wish_id, id"),
            SqlIndex(name="wish_claim_claimer", columns="claimer_id, id"),
            SqlIndex(name="wish_claim_open", columns="claimer_id", where="state = 'open'"),
            SqlIndex(name="wish_claim_due", columns="due_at, id", where="state = 'open'"),
            SqlIndex(
                name="wish_claim_unreminded", columns="due_at, id", where="state = 'open' AND reminded_at IS NULL"
            ),
            SqlIndex(
                name="wish_claim_unanswered",
                columns="reported_at, id",
                where="state = 'reported' AND staff_told_at IS NULL",
            ),
        ]
