"""Scarce places 名额: an Allotment is a number of them, a Place is somebody's share.

One engine for shifts' roles, bookable slots and posts. Everything about an allotment's places changes under the lock of
the allotment's row, so the order of the queue numbers is the order of acknowledgement.
"""

from datetime import datetime
from enum import StrEnum

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from server.foundation.database import IdField, Model, SqlIndex, foreign_key
from server.foundation.words import Worded


class Purpose(Worded):
    """What the places are for; `subject_id` is then that thing's id."""

    SHIFT_ROLE = "shift_role", "志愿服务"
    SLOT = "slot", "邻里中心预约"
    POST = "post", "岗位"


class AllotmentState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


class PlaceState(Worded):
    """Waiting → offered or confirmed → attended or no_show; cancelled by the holder, expired by time, removed by
    staff."""

    WAITING = "waiting", "候补中"
    OFFERED = "offered", "候补名额待确认"
    CONFIRMED = "confirmed", "已确认"
    ATTENDED = "attended", "已参加"
    NO_SHOW = "no_show", "爽约"
    CANCELLED = "cancelled", "本人取消"
    EXPIRED = "expired", "已过期"
    REMOVED = "removed", "被取消"


class Allotment(Model):
    """`capacity` places, of which `taken` are confirmed or offered (counted in people, not in parties).

    A lowered capacity throws nobody out: then `taken` is above it until enough have left. `starts_at` is when the thing
    begins (empty for a post): past it nobody moves up. `last_number` is the last queue number given. An offer lasts
    `offer_minutes`.
    """

    purpose = fields.CharEnumField(Purpose, max_length=16)
    subject_id = IdField()
    capacity = fields.IntField()
    taken = fields.IntField(default=0)
    last_number = fields.IntField(default=0)
    starts_at = fields.DatetimeField(null=True)
    state = fields.CharEnumField(AllotmentState, max_length=8, default=AllotmentState.OPEN)
    may_wait = fields.BooleanField(default=True)
    offer_minutes = fields.IntField(default=120)
    version = fields.IntField(default=1)

    class Meta:
        table = "allotment"
        constraints = [
            UniqueConstraint(fields=("purpose", "subject_id"), name="allotment_subject"),
            CheckConstraint(check="capacity >= 0", name="allotment_capacity_not_negative"),
            # That `taken` never grows above `capacity` is a trigger (migrations/_guards.py): it may lie above it.
            CheckConstraint(check="taken >= 0", name="allotment_taken_not_negative"),
            CheckConstraint(check="offer_minutes > 0", name="allotment_offer_lasts"),
        ]

    @property
    def free(self) -> int:
        """Places that can be given; negative after the capacity was lowered below what is taken."""
        return self.capacity - self.taken

    @property
    def is_open(self) -> bool:
        return self.state is AllotmentState.OPEN

    def has_started(self, now: datetime) -> bool:
        return self.starts_at is not None and self.starts_at <= now


class Place(Model):
    """A person's share of an allotment, `party_size` people strong. Its allotment never changes: a move is a new place.

    `number` orders the waiting list. `offered_until`: until when an offer can be accepted. `passed_count`: how often
    smaller parties were let past this group; after the last time freed places are held for it until `held_until`, once
    (`hold_used`). `due_at`: when the sweep has to look at it.
    """

    allotment = foreign_key("Allotment")
    allotment_id: str
    person_id = IdField()
    party_size = fields.SmallIntField(default=1)
    state = fields.CharEnumField(PlaceState, max_length=16)
    number = fields.IntField()
    confirmed_at = fields.DatetimeField(null=True)
    offered_until = fields.DatetimeField(null=True)
    passed_count = fields.SmallIntField(default=0)
    held_until = fields.DatetimeField(null=True)
    hold_used = fields.BooleanField(default=False)
    due_at = fields.DatetimeField(null=True)
    ended_at = fields.DatetimeField(null=True)
    end_reason = fields.CharField(max_length=32, default="")

    class Meta:
        table = "place"
        constraints = [
            UniqueConstraint(fields=("allotment_id", "number"), name="place_number"),
            CheckConstraint(check="party_size >= 1", name="place_party_not_empty"),
            CheckConstraint(
                check="(state IN ('cancelled', 'expired', 'removed')) = (ended_at IS NOT NULL)", name="place_ended"
            ),
            CheckConstraint(check="(state = 'offered') = (offered_until IS NOT NULL)", name="place_offered_until"),
            CheckConstraint(check="held_until IS NULL OR state = 'waiting'", name="place_held_while_waiting"),
        ]
        indexes = [
            SqlIndex(name="place_active", columns="allotment_id, person_id", where="ended_at IS NULL", unique=True),
            SqlIndex(name="place_waiting", columns="allotment_id, number", where="state = 'waiting'"),
            SqlIndex(name="place_person", columns="person_id, id"),
            SqlIndex(name="place_due", columns="due_at", where="due_at IS NOT NULL"),
        ]

    @property
    def is_active(self) -> bool:
        """Whether it is still somebody's place: waiting, offered, confirmed, attended or missed."""
        return self.ended_at is None


class PlacePass(Model):
    """A waiting group of `needed` people was passed: `free` places were too few for it, and went to those behind."""

    place = foreign_key("Place")
    free = fields.IntField()
    needed = fields.SmallIntField()

    class Meta:
        table = "place_pass"
        constraints = [CheckConstraint(check="free BETWEEN 1 AND needed - 1", name="place_pass_did_not_fit")]
        indexes = [SqlIndex(name="place_pass_place", columns="place_id, id")]


class NoShowReason(Worded):
    """Cancelling after the deadline counts like not coming."""

    ABSENT = "absent", "未到场"
    CANCELLED_LATE = "cancelled_late", "过了截止时间才取消"


class NoShow(Model):
    """A place that nobody came to 爽约. A forgiven one (an appeal, or the person did come) no longer counts.

    What is not handed out as places (a room) has none: then `subject_id` is what was missed.
    """

    person_id = IdField()
    purpose = fields.CharEnumField(Purpose, max_length=16)
    place = foreign_key("Place", unique=True, null=True)
    subject_id = IdField(null=True)
    reason = fields.CharEnumField(NoShowReason, max_length=16)
    happened_at = fields.DatetimeField()
    forgiven_at = fields.DatetimeField(null=True)

    class Meta:
        table = "no_show"
        constraints = [CheckConstraint(check="(place_id IS NULL) <> (subject_id IS NULL)", name="no_show_of_something")]
        indexes = [
            SqlIndex(name="no_show_person", columns="person_id, purpose, happened_at", where="forgiven_at IS NULL"),
            SqlIndex(name="no_show_subject", columns="subject_id", where="subject_id IS NOT NULL"),
        ]


class Block(Model):
    """New places of a purpose are refused to a person `until` then. `no_show_id` is the one that brought it about."""

    person_id = IdField()
    purpose = fields.CharEnumField(Purpose, max_length=16)
    until = fields.DatetimeField()
    reason = fields.CharField(max_length=32)
    no_show_id = IdField(null=True)
    lifted_at = fields.DatetimeField(null=True)

    class Meta:
        table = "block"
        indexes = [
            SqlIndex(name="block_person", columns="person_id, purpose, until", where="lifted_at IS NULL"),
        ]
