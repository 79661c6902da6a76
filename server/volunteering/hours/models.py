"""Who was there 签到签退, what it is worth 服务时长, and what follows: certificates, ratings, appeals."""

from typing import Any

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from server.foundation.database import IdField, Model, SqlIndex, foreign_key
from server.foundation.words import Worded


class HoursState(Worded):
    """Waiting for somebody's approval → effective, or refused; replaced by a correction."""

    WAITING = "waiting", "待审批"
    EFFECTIVE = "effective", "有效"
    REFUSED = "refused", "未批准"
    REPLACED = "replaced", "已被更正"


class Approver(Worded):
    """Who has to approve before minutes count: anybody of the organizer's staff but the one who stated them, the
    community's manager, or the subdistrict's."""

    SECOND_PERSON = "second_person", "另一位工作人员"
    COMMUNITY = "community", "社区管理员"
    SUBDISTRICT = "subdistrict", "街道管理员"


class Hours(Model):
    """Minutes of service of one person at one shift 服务时长, as the leader stated them: from `starts_at` on.

    A row is never changed but for its state: a correction is a new row that `replaces` the one before. Of one sign-up
    at most one row counts. No minute counts twice for one person, and none lies outside the shift: an exclusion
    constraint and a trigger (migrations/_guards.py) stand behind it. `organization_id`: the community they were given
    for.
    """

    sign_up = foreign_key("SignUp")
    sign_up_id: str
    shift = foreign_key("Shift")
    shift_id: str
    person_id = IdField()
    organization_id = IdField()
    starts_at = fields.DatetimeField()
    ends_at = fields.DatetimeField()
    minutes = fields.IntField()
    state = fields.CharEnumField(HoursState, max_length=16)
    needs = fields.CharEnumField(Approver, max_length=16, null=True)
    is_late = fields.BooleanField(default=False)
    reason = fields.CharField(max_length=200, default="")
    stated_by_id = IdField()
    replaces = foreign_key("Hours", null=True)
    replaces_id: str | None
    decided_by_id = IdField(null=True)
    decided_at = fields.DatetimeField(null=True)
    decision_reason = fields.CharField(max_length=200, default="")
    effective_at = fields.DatetimeField(null=True)

    class Meta:
        table = "hours"
        constraints = [
            CheckConstraint(
                check="minutes >= 0 AND ends_at = starts_at + minutes * interval '1 minute'",
                name="hours_minutes_are_its_span",
            ),
            CheckConstraint(
                check="(state IN ('effective', 'replaced')) = (effective_at IS NOT NULL)", name="hours_effective"
            ),
            CheckConstraint(
                check="state NOT IN ('waiting', 'refused') OR needs IS NOT NULL", name="hours_need_somebody"
            ),
            CheckConstraint(
                check="(decided_at IS NULL) = (decided_by_id IS NULL) AND decided_by_id IS DISTINCT FROM stated_by_id",
                name="hours_second_person",
            ),
        ]
        indexes = [
            SqlIndex(name="hours_counting", columns="sign_up_id", where="state = 'effective'", unique=True),
            SqlIndex(name="hours_waiting", columns="sign_up_id", where="state = 'waiting'", unique=True),
            SqlIndex(name="hours_to_approve", columns="organization_id, id", where="state = 'waiting'"),
            SqlIndex(name="hours_on_desk", columns="organization_id, created_at, id", where="state = 'waiting'"),
            SqlIndex(name="hours_on_desk_city", columns="created_at, id", where="state = 'waiting'"),
            SqlIndex(name="hours_person", columns="person_id, starts_at, id"),
            SqlIndex(name="hours_shift", columns="shift_id, id"),
        ]


class Certificate(Model):
    """A certificate of the minutes that counted from the day `since` to the day `until`, both included, by Shanghai's
    calendar. As it was issued: `rows` is [[label, times, minutes], …], `items` [[day, title, organizer, minutes], …]
    (none on certificates of earlier versions).

    The name itself stays in its one place: `name_index` tells whether it is still the one that was certified. `code` is
    printed on it and asked for when somebody checks the number.
    """

    person_id = IdField()
    number = fields.CharField(max_length=20)
    code = fields.CharField(max_length=8)
    issuer_id = IdField()
    since = fields.DateField()
    until = fields.DateField()
    times = fields.IntField()
    minutes = fields.IntField()
    rows: Any = fields.JSONField()
    items: Any = fields.JSONField(default=list, db_default="[]")
    name_index = fields.BinaryField()
    issued_at = fields.DatetimeField()
    revoked_at = fields.DatetimeField(null=True)
    revoke_reason = fields.CharField(max_length=32, default="")

    class Meta:
        table = "certificate"
        constraints = [
            UniqueConstraint(fields=("number",), name="certificate_number"),
            CheckConstraint(check="since <= until AND minutes > 0", name="certificate_certifies_something"),
        ]
        indexes = [SqlIndex(name="certificate_person", columns="person_id, id")]


class Side(Worded):
    """Who rates: the volunteer rates the shift, the leader (or staff) rates the volunteer."""

    VOLUNTEER = "volunteer", "志愿者"
    LEADER = "leader", "负责人"


class ShiftRating(Model):
    """Stars from 1 to 5 and a few words after somebody was really there, once from each side.

    Other people see the words once the content check has let them pass (`text_is_shown`).
    """

    sign_up = foreign_key("SignUp")
    shift = foreign_key("Shift")
    side = fields.CharEnumField(Side, max_length=16)
    by_id = IdField()
    stars = fields.SmallIntField()
    text = fields.CharField(max_length=500, default="")
    text_is_shown = fields.BooleanField(default=False)

    class Meta:
        table = "shift_rating"
        constraints = [
            UniqueConstraint(fields=("sign_up_id", "side"), name="shift_rating_once"),
            CheckConstraint(check="stars BETWEEN 1 AND 5", name="shift_rating_stars"),
        ]
        indexes = [SqlIndex(name="shift_rating_shift", columns="shift_id, side, id")]


class AppealState(Worded):
    SUBMITTED = "submitted", "待处理"
    ACCEPTED = "accepted", "已通过"
    REFUSED = "refused", "未通过"


class NoShowAppeal(Model):
    """What somebody says against a no-show 爽约申诉, once; the organizer's staff decide. Accepted: it no longer
    counts."""

    no_show = foreign_key("NoShow")
    no_show_id: str
    sign_up = foreign_key("SignUp")
    organizer_id = IdField()
    by_id = IdField()
    text = fields.CharField(max_length=300)
    state = fields.CharEnumField(AppealState, max_length=16, default=AppealState.SUBMITTED)
    decision = fields.CharField(max_length=200, default="")
    decided_by_id = IdField(null=True)
    decided_at = fields.DatetimeField(null=True)

    class Meta:
        table = "no_show_appeal"
        constraints = [
            UniqueConstraint(fields=("no_show_id",), name="no_show_appeal_once"),
            CheckConstraint(check="(state = 'submitted') = (decided_at IS NULL)", name="no_show_appeal_decided"),
        ]
        indexes = [SqlIndex(name="no_show_appeal_open", columns="organizer_id, id", where="state = 'submitted'")]
