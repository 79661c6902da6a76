"""Joint meetings 联席会议: who belongs to them, each meeting with its topics and minutes, and what was resolved."""

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from server.foundation.database import IdField, Model, SqlIndex, foreign_key
from server.foundation.words import Worded


class MeetingMemberKind(Worded):
    UNIT = "unit", "驻区单位"
    COMMITTEE_MEMBER = "committee_member", "兼职委员"
    PROPERTY_COMPANY = "property_company", "物业服务企业"
    OWNERS_COMMITTEE = "owners_committee", "业主委员会"
    RESIDENT = "resident", "居民代表"


class MeetingState(Worded):
    """A planned one is the staff's alone; once it is open its agenda stands, and approved minutes close it."""

    PLANNED = "planned", "筹备中"
    INVITED = "invited", "已通知"
    OPEN = "open", "已开会"
    CLOSED = "closed", "纪要已通过"
    CANCELLED = "cancelled", "已取消"


class TopicState(Worded):
    PROPOSED = "proposed", "待定"
    ACCEPTED = "accepted", "列入议程"
    DECLINED = "declined", "不列入"


class ResolutionState(Worded):
    """`public`: residents read what became of it."""

    OPEN = "open", "办理中"
    REPORTED = "reported", "待公开"
    PUBLIC = "public", "已公开"


class MeetingMember(Model):
    """A seat in the joint meetings of an organization.

    It is a unit's, whose liaisons act for it, or a person's; `title` is what they are
    called there. Their term is from `starts_on` to `ends_on`, both included; it ends, and is never deleted."""

    organization = foreign_key("Organization")
    organization_id: str
    kind = fields.CharEnumField(MeetingMemberKind, max_length=20)
    title = fields.CharField(max_length=40)
    unit = foreign_key("Organization", null=True)
    unit_id: str | None
    person = foreign_key("Person", null=True)
    person_id: str | None
    starts_on = fields.DateField()
    ends_on = fields.DateField(null=True)
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "meeting_member"
        constraints = [
            CheckConstraint(check="ended_at IS NOT NULL OR num_nonnulls(unit_id, person_id) = 1",
                            name="meeting_member_is_one"),
            CheckConstraint(check="ends_on IS NULL OR ends_on >= starts_on", name="meeting_member_term"),
        ]  # fmt: skip
        indexes = [
            SqlIndex(name="meeting_member_of", columns="organization_id, id"),
            SqlIndex(
                name="meeting_member_unit",
                columns="organization_id, unit_id",
                where="ended_at IS NULL AND unit_id IS NOT NULL",
                unique=True,
            ),
            SqlIndex(
                name="meeting_member_person",
                columns="organization_id, person_id",
                where="ended_at IS NULL AND person_id IS NOT NULL",
                unique=True,
            ),
            SqlIndex(name="meeting_member_of_unit", columns="unit_id", where="unit_id IS NOT NULL"),
            SqlIndex(name="meeting_member_of_person", columns="person_id", where="person_id IS NOT NULL"),
        ]


class JointMeeting(Model):
    """One meeting.

    Members are invited `notice_days` ahead at least, and propose topics until `topics_until`."""

    organization = foreign_key("Organization")
    organization_id: str
    title = fields.CharField(max_length=60)
    place = fields.CharField(max_length=100)
    starts_at = fields.DatetimeField()
    topics_until = fields.DatetimeField()
    notice_days = fields.SmallIntField()
    state = fields.CharEnumField(MeetingState, max_length=12, default=MeetingState.PLANNED)
    reason = fields.CharField(max_length=200, default="")
    changed_at = fields.DatetimeField()

    class Meta:
        table = "joint_meeting"
        constraints = [
            CheckConstraint(check="topics_until <= starts_at", name="joint_meeting_topics_first"),
            CheckConstraint(check="state <> 'cancelled' OR reason <> ''", name="joint_meeting_says_why"),
        ]
        indexes = [
            SqlIndex(name="joint_meeting_of", columns="organization_id, id"),
            SqlIndex(name="joint_meeting_at_work", columns="state, id", where="state IN ('invited', 'open')"),
        ]


class MeetingInvitation(Model):
    """A member at a meeting.

    It tells whether they said that they would come, and whether they did."""

    meeting = foreign_key("JointMeeting")
    meeting_id: str
    member = foreign_key("MeetingMember")
    member_id: str
    is_coming = fields.BooleanField(null=True)
    reason = fields.CharField(max_length=200, default="")
    attended = fields.BooleanField(default=False)

    class Meta:
        table = "meeting_invitation"
        constraints = [UniqueConstraint(fields=("meeting_id", "member_id"), name="meeting_invitation_once")]
        indexes = [SqlIndex(name="meeting_invitation_member", columns="member_id, meeting_id")]


class MeetingTopic(Model):
    """Something on the agenda, or proposed for it.

    It is proposed by a member, by staff (no member), or an overdue resolution."""

    meeting = foreign_key("JointMeeting")
    meeting_id: str
    member = foreign_key("MeetingMember", null=True)
    member_id: str | None
    resolution = foreign_key("MeetingResolution", null=True)
    resolution_id: str | None
    title = fields.CharField(max_length=60)
    text = fields.CharField(max_length=1000, default="")
    state = fields.CharEnumField(TopicState, max_length=12, default=TopicState.PROPOSED)
    reason = fields.CharField(max_length=200, default="")

    class Meta:
        table = "meeting_topic"
        constraints = [
            CheckConstraint(check="state <> 'declined' OR reason <> ''", name="meeting_topic_says_why"),
            # What is overdue stands there, whatever anybody thinks of it.
            CheckConstraint(check="resolution_id IS NULL OR state = 'accepted'", name="meeting_topic_overdue_stays"),
        ]
        indexes = [
            SqlIndex(name="meeting_topic_of", columns="meeting_id, id"),
            SqlIndex(
                name="meeting_topic_resolution",
                columns="meeting_id, resolution_id",
                where="resolution_id IS NOT NULL",
                unique=True,
            ),
        ]


class MeetingMinutes(Model):
    """A version of a meeting's minutes.

    It is never edited. Somebody else than who wrote it approves it."""

    meeting = foreign_key("JointMeeting")
    meeting_id: str
    number = fields.SmallIntField()
    text = fields.TextField()
    by_id = IdField()
    approved_at = fields.DatetimeField(null=True)
    decided_by_id = IdField(null=True)

    class Meta:
        table = "meeting_minutes"
        constraints = [
            UniqueConstraint(fields=("meeting_id", "number"), name="meeting_minutes_version"),
            CheckConstraint(check="decided_by_id IS NULL OR decided_by_id <> by_id", name="meeting_minutes_two"),
        ]
        indexes = [
            SqlIndex(name="meeting_minutes_approved", columns="meeting_id", where="approved_at IS NOT NULL",
                     unique=True),
        ]  # fmt: skip


class MeetingResolution(Model):
    """What a meeting resolved.

    `owner`, a member (none: the organization itself), does it until `due_on`; it is
    followed until its `result` is public. It cannot be deleted or dropped."""

    meeting = foreign_key("JointMeeting")
    meeting_id: str
    organization = foreign_key("Organization")
    organization_id: str
    owner = foreign_key("MeetingMember", null=True)
    owner_id: str | None
    text = fields.CharField(max_length=500)
    due_on = fields.DateField()
    state = fields.CharEnumField(ResolutionState, max_length=12, default=ResolutionState.OPEN)
    result = fields.CharField(max_length=1000, default="")
    changed_at = fields.DatetimeField()

    class Meta:
        table = "meeting_resolution"
        constraints = [CheckConstraint(check="state = 'open' OR result <> ''", name="meeting_resolution_has_result")]
        indexes = [
            SqlIndex(name="meeting_resolution_of", columns="organization_id, id"),
            SqlIndex(name="meeting_resolution_open", columns="organization_id, due_on", where="state <> 'public'"),
            SqlIndex(name="meeting_resolution_meeting", columns="meeting_id, id"),
            SqlIndex(name="meeting_resolution_owner", columns="owner_id", where="owner_id IS NOT NULL"),
        ]


class MeetingResolutionStep(Model):
    """A line of a resolution's history.

    The database refuses to change or delete it. A due date that moves says why."""

    resolution = foreign_key("MeetingResolution")
    resolution_id: str
    action = fields.CharField(max_length=20)
    by_id = IdField()
    words = fields.CharField(max_length=1000, default="")
    due_from = fields.DateField(null=True)
    due_to = fields.DateField()

    class Meta:
        table = "meeting_resolution_step"
        constraints = [
            CheckConstraint(
                check="due_from IS NULL OR due_from = due_to OR words <> ''", name="meeting_resolution_step_says_why"
            ),
        ]
        indexes = [SqlIndex(name="meeting_resolution_step_of", columns="resolution_id, id")]
