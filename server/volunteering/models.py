"""Activities 志愿服务活动, their shifts 场次, and who signed up 报名; who was there is in attendance/models.py.

Places are given by the engine in `places/`: each role of a shift has an Allotment, each sign-up a Place whose state is
the sign-up's state.
"""

from datetime import datetime

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from server.foundation.database import IdField, Model, PointField, SqlIndex, foreign_key
from server.foundation.words import Worded
from server.places.models import Allotment


class ActivityKind(Worded):
    """Volunteer service, theme Party day 主题党日, lecture 党员大课堂, community event."""

    VOLUNTEER = "volunteer", "志愿服务"
    PARTY_DAY = "party_day", "主题党日"
    LECTURE = "lecture", "党员大课堂"
    COMMUNITY_EVENT = "community_event", "社区活动"


class ActivityState(Worded):
    """Draft → in review → published → finished; cancelled from any of the first three."""

    DRAFT = "draft", "草稿"
    IN_REVIEW = "in_review", "审核中"
    PUBLISHED = "published", "已发布"
    FINISHED = "finished", "已结束"
    CANCELLED = "cancelled", "已取消"


SHOWN_STATES = (ActivityState.PUBLISHED, ActivityState.FINISHED, ActivityState.CANCELLED)
"""States in which residents see an activity."""


class Visibility(Worded):
    """How far around its organizer an activity is seen."""

    COMMUNITY = "community", "本社区"
    SUBDISTRICT = "subdistrict", "本街道"
    DISTRICT = "district", "本区（市、县）"
    CITY = "city", "全市"


class ActivityAudience(Worded):
    """Who may come: everyone, volunteers (who agreed to the volunteer terms), Party members, or people of one unit."""

    EVERYONE = "everyone", "所有人"
    VOLUNTEERS = "volunteers", "志愿者"
    MEMBERS = "members", "党员"
    UNIT = "unit", "指定单位"


class Activity(Model):
    """Something people sign up for. `area_id` is the organization in whose subtree it is seen, which follows from
    organizer and visibility; `starts_at` and `ends_at` span its shifts. `location` is gcj02.

    `sign_in_meters`: how near one has to be to clock in by place; 0: only by code, by scanner or by the leader's list.
    A team's activity is its community's, which answers for it; the team's leader writes it.
    Who may come: the `audience` (people of `unit_id` where it says so), ages on the day of the shift, a skill, and
    minutes of service so far. `edited_by_id` wrote its words last: somebody else has to publish them.
    """

    organizer = foreign_key("Organization")
    organizer_id: str
    team = foreign_key("Team", null=True)
    team_id: str | None
    area = foreign_key("Organization")
    area_id: str
    kind = fields.CharEnumField(ActivityKind, max_length=16)
    title = fields.CharField(max_length=60)
    text = fields.CharField(max_length=4000)
    place_name = fields.CharField(max_length=100)
    location = PointField(null=True)
    sign_in_meters = fields.IntField(default=500)
    meeting_point = fields.CharField(max_length=100, default="")
    contact = fields.CharField(max_length=60, default="")
    what_to_bring = fields.CharField(max_length=300, default="")
    picture_ids = ArrayField(element_type="uuid", default=list)
    audience = fields.CharEnumField(ActivityAudience, max_length=16, default=ActivityAudience.EVERYONE)
    unit = foreign_key("Organization", null=True)
    unit_id: str | None
    min_age = fields.SmallIntField(null=True)
    max_age = fields.SmallIntField(null=True)
    needed_skill = fields.CharField(max_length=20, default="")
    min_minutes = fields.IntField(default=0)
    visibility = fields.CharEnumField(Visibility, max_length=16)
    state = fields.CharEnumField(ActivityState, max_length=16, default=ActivityState.DRAFT)
    starts_at = fields.DatetimeField()
    ends_at = fields.DatetimeField()
    created_by_id = IdField()
    edited_by_id = IdField()
    published_at = fields.DatetimeField(null=True)
    published_by_id = IdField(null=True)
    ended_at = fields.DatetimeField(null=True)
    reason = fields.CharField(max_length=200, default="")
    version = fields.IntField(default=1)

    class Meta:
        table = "activity"
        constraints = [
            CheckConstraint(
                check="(state IN ('finished', 'cancelled')) = (ended_at IS NOT NULL)", name="activity_ended"
            ),
            CheckConstraint(check="starts_at < ends_at", name="activity_spans_time"),
            CheckConstraint(check="sign_in_meters >= 0", name="activity_sign_in_meters"),
            CheckConstraint(check="(audience = 'unit') = (unit_id IS NOT NULL)", name="activity_unit"),
            CheckConstraint(check="min_age IS NULL OR max_age IS NULL OR min_age <= max_age", name="activity_ages"),
            CheckConstraint(check="cardinality(picture_ids) <= 9", name="activity_pictures"),
        ]
        indexes = [
            SqlIndex(name="activity_past", columns="area_id, ends_at, id", where="state IN ('published', 'finished')"),
            SqlIndex(name="activity_upcoming", columns="area_id, ends_at, id", where="state = 'published'"),
            SqlIndex(name="activity_organizer", columns="organizer_id, state, starts_at, id"),
            SqlIndex(name="activity_to_finish", columns="ends_at", where="state = 'published'"),
            SqlIndex(name="activity_team", columns="team_id, starts_at, id", where="team_id IS NOT NULL"),
            SqlIndex(name="activity_location", columns="location", method="gist", where="state = 'published'"),
        ]


class ShiftState(Worded):
    SCHEDULED = "scheduled", "如期举行"
    CANCELLED = "cancelled", "已取消"


class Shift(Model):
    """One time span of an activity, half-open: back-to-back shifts do not overlap. `leader_id` may show its codes and
    confirm attendance, besides staff. Cancelling after `cancel_until` counts like not coming, but never for those who
    signed up before the shift was given another time (`moved_at`).

    With fewer than `minimum` people when sign-up closes it is called off; `minimum_checked_at` is when that was looked
    at. `remind_at`: when the next reminder is due. `reason`: why it was cancelled. Once it is over: `closed_at` is when
    those who forgot to clock out were settled, `absences_settled_at` when those who did not come were.
    """

    activity: Activity = foreign_key("Activity")
    activity_id: str
    starts_at = fields.DatetimeField()
    ends_at = fields.DatetimeField()
    sign_up_opens_at = fields.DatetimeField()
    sign_up_closes_at = fields.DatetimeField()
    cancel_until = fields.DatetimeField()
    leader_id = IdField(null=True)
    minimum = fields.IntField(default=0)
    minimum_checked_at = fields.DatetimeField(null=True)
    remind_at = fields.DatetimeField(null=True)
    moved_at = fields.DatetimeField(null=True)
    closed_at = fields.DatetimeField(null=True)
    absences_settled_at = fields.DatetimeField(null=True)
    state = fields.CharEnumField(ShiftState, max_length=16, default=ShiftState.SCHEDULED)
    reason = fields.CharField(max_length=200, default="")
    version = fields.IntField(default=1)

    class Meta:
        table = "shift"
        constraints = [
            CheckConstraint(check="starts_at < ends_at", name="shift_spans_time"),
            CheckConstraint(
                check="sign_up_opens_at < sign_up_closes_at AND sign_up_closes_at <= starts_at "
                "AND cancel_until <= starts_at",
                name="shift_deadlines_in_order",
            ),
        ]
        indexes = [
            SqlIndex(name="shift_activity", columns="activity_id, starts_at, id"),
            SqlIndex(
                name="shift_minimum_due",
                columns="sign_up_closes_at",
                where="minimum > 0 AND minimum_checked_at IS NULL AND state = 'scheduled'",
            ),
            SqlIndex(name="shift_leader", columns="leader_id, activity_id", where="leader_id IS NOT NULL"),
            SqlIndex(name="shift_remind", columns="remind_at", where="remind_at IS NOT NULL"),
            SqlIndex(name="shift_to_close", columns="ends_at", where="closed_at IS NULL AND state = 'scheduled'"),
            SqlIndex(
                name="shift_to_settle",
                columns="ends_at",
                where="absences_settled_at IS NULL AND closed_at IS NOT NULL AND state = 'scheduled'",
            ),
        ]

    @property
    def minutes(self) -> int:
        """Its whole length."""
        return int((self.ends_at - self.starts_at).total_seconds() // 60)

    def overlaps(self, starts_at: datetime, ends_at: datetime) -> bool:
        """Half-open: one may begin when the other ends."""
        return self.starts_at < ends_at and starts_at < self.ends_at


class ShiftRole(Model):
    """A part in a shift with a quota of its own, such as 2 nurses and 10 helpers; it may need a skill of its own."""

    shift: Shift = foreign_key("Shift")
    shift_id: str
    name = fields.CharField(max_length=30)
    needed_skill = fields.CharField(max_length=20, default="")
    allotment: Allotment = foreign_key("Allotment", unique=True)
    allotment_id: str

    class Meta:
        table = "shift_role"
        constraints = [UniqueConstraint(fields=("shift_id", "name"), name="shift_role_name")]


class SignUp(Model):
    """A person's place in a role of a shift 报名; its state is the place's. Signing up again is a new row.

    A party (`signed_up_by_id` and family) stands in line with one place that all its sign-ups share; once confirmed,
    each has a place of their own. `removal_reason`: staff's words where they took the place away.
    """

    place = foreign_key("Place")
    place_id: str
    shift_role = foreign_key("ShiftRole")
    shift_role_id: str
    shift: Shift = foreign_key("Shift")
    shift_id: str
    person_id = IdField()
    signed_up_by_id = IdField()
    removal_reason = fields.CharField(max_length=200, default="")

    class Meta:
        table = "sign_up"
        constraints = [UniqueConstraint(fields=("place_id", "person_id"), name="sign_up_place")]
        indexes = [
            SqlIndex(name="sign_up_person", columns="person_id, id"),
            SqlIndex(name="sign_up_shift", columns="shift_id, id"),
        ]


class VolunteerSkill(Model):
    """Something that a person says they can do 特长, by the word that activities ask for it with."""

    person_id = IdField()
    name = fields.CharField(max_length=20)

    class Meta:
        table = "volunteer_skill"
        constraints = [UniqueConstraint(fields=("person_id", "name"), name="volunteer_skill_once")]


class ActivityRecap(Model):
    """What was, told afterwards 活动回顾: words and photos; `is_shown`: the content check has passed both. Who wrote it
    last is `edited_by_id`."""

    activity = foreign_key("Activity")
    activity_id: str
    text = fields.CharField(max_length=2000, default="")
    picture_ids = ArrayField(element_type="uuid", default=list)
    is_shown = fields.BooleanField(default=False)
    edited_by_id = IdField()
    edited_at = fields.DatetimeField()
    version = fields.IntField(default=0)

    class Meta:
        table = "activity_recap"
        constraints = [
            UniqueConstraint(fields=("activity_id",), name="activity_recap_once"),
            CheckConstraint(check="cardinality(picture_ids) <= 18", name="activity_recap_pictures"),
        ]
