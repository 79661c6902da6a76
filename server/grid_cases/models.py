"""网格事项: a case, its time line, and who follows it; categories and the standards that count for a case. Which state
follows which is in rules.py, as one table."""

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from server.calendars.working_time import Pace
from server.foundation.database import IdField, Model, PointField, SqlIndex, foreign_key, sealed
from server.foundation.words import Worded

CONTACT_CONTEXT = "grid_case.contact"
SECRET_CONTEXT = "case_partner.secret"  # noqa: S105 (a name)
"""What the encrypted columns are encrypted for; see server.foundation.crypto."""


class CaseKind(Worded):
    """The classes of GB/T 30428: things that stand somewhere, events that happen, and services that people need."""

    THING = "thing", "部件"
    EVENT = "event", "事件"
    SERVICE = "service", "服务"


class CaseCategory(Model):
    """What a case can be about: a tree by `parent`, of which the leaves have standards. `code` is the city's own, as in
    GB/T 30428. It ends, and is never deleted."""

    code = fields.CharField(max_length=12)
    kind = fields.CharEnumField(CaseKind, max_length=8)
    name = fields.CharField(max_length=40)
    parent = foreign_key("CaseCategory", null=True)
    parent_id: str | None
    ended_at = fields.DatetimeField(null=True)
    version = fields.IntField(default=1)

    class Meta:
        table = "case_category"
        constraints = [UniqueConstraint(fields=("code",), name="case_category_code")]


class CaseStandard(Model):
    """What counts for the cases of a category, in its `number`th version; a case keeps the one in force when it was
    reported.

    `file_when` and `close_when` are the conditions for filing 立案 and closing 结案, `responsible` says who is
    responsible. The case is filed and dispatched within `file_minutes` and `dispatch_minutes`, accepted within
    `accept_minutes`, of working time, or of all time where its own pace is running; handled within `amount` of `pace`;
    answered within `answer_amount` of `answer_pace` since it was reported. `needs_photos`: of how it is afterwards.
    """

    category = foreign_key("CaseCategory")
    category_id: str
    number = fields.IntField()
    file_when = fields.CharField(max_length=200, default="")
    close_when = fields.CharField(max_length=200, default="")
    responsible = fields.CharField(max_length=100, default="")
    file_minutes = fields.IntField()
    dispatch_minutes = fields.IntField()
    accept_minutes = fields.IntField()
    amount = fields.IntField()
    pace = fields.CharEnumField(Pace, max_length=16)
    answer_amount = fields.IntField()
    answer_pace = fields.CharEnumField(Pace, max_length=16)
    needs_photos = fields.BooleanField(default=False)
    edited_by_id = IdField(null=True)

    class Meta:
        table = "case_standard"
        constraints = [
            UniqueConstraint(fields=("category_id", "number"), name="case_standard_once"),
            CheckConstraint(
                check="file_minutes > 0 AND dispatch_minutes > 0 AND accept_minutes > 0 AND amount > 0 "
                "AND answer_amount > 0",
                name="case_standard_positive",
            ),
        ]


class CasePartner(Model):
    """Another platform (a hotline, the district's) that reads and files cases of an organization and all below it, by a
    key of its own; only the key's hash is kept. `webhook_url` is told of what becomes of cases, signed with `secret`
    (sealed). It ends, and is never deleted."""

    organization = foreign_key("Organization")
    organization_id: str
    name = fields.CharField(max_length=40)
    key_hash = fields.BinaryField()
    webhook_url = fields.CharField(max_length=300, default="")
    secret = sealed(SECRET_CONTEXT)
    created_by_id = IdField()
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "case_partner"
        constraints = [UniqueConstraint(fields=("key_hash",), name="case_partner_key")]
        indexes = [SqlIndex(name="case_partner_organization", columns="organization_id, id")]


class CaseSource(Worded):
    """How a case came in."""

    APP = "app", "小程序"
    PHONE = "phone", "电话"
    COUNTER = "counter", "现场"
    ROUND = "round", "网格巡查"
    PARTNER = "partner", "平台转来"


class CaseState(Worded):
    """`filed`: accepted as a case 立案, nobody has it to handle (yet, or any more). `answered`: the handler says what
    became of it, and somebody else looks. `checked`: so it is; those who reported it are asked."""

    REPORTED = "reported", "待受理"
    REFUSED = "refused", "不予受理"
    FILED = "filed", "待派遣"
    DISPATCHED = "dispatched", "待接件"
    HANDLING = "handling", "处置中"
    SUSPENDED = "suspended", "已挂账"
    ANSWERED = "answered", "待核查"
    CHECKED = "checked", "已答复，待评价"
    CLOSED = "closed", "已结案"
    MERGED = "merged", "已并入其他事项"


OPEN_STATES = "'reported', 'filed', 'dispatched', 'handling', 'suspended', 'answered'"
"""SQL: the case is somebody's to do."""


class CaseOutcome(Worded):
    """What became of it. What is not ours is handed over by us, not by the resident."""

    FIXED = "fixed", "已解决"
    EXPLAINED = "explained", "已解释说明"
    NOT_OURS = "not_ours", "不属本级职责，已转交"
    CANNOT = "cannot", "暂不能解决"


class DelayKind(Worded):
    """What a handler asks for, and a second person decides: more time 延期, or that the clock stands still 挂账."""

    EXTENSION = "extension", "延期"
    SUSPENSION = "suspension", "挂账"


class GridCase(Model):
    """A matter that somebody reported.

    `reporter` is the resident, where there is one who is known; `recorded_by` staff who took it down for somebody, or
    found it on their round; `partner` the platform that filed it; `contact` (sealed) whom to call where the resident
    has no account. None of them is in any answer but that of `view_case_contact`; the handler gets it only where
    `shares_contact`.

    `keeper` dispatches and checks: the community, or who is above where it went up. `handler` has it to handle, the
    first who accepted it stays `responsible` 首接负责. `holder` is whose turn it is: one of the two while it is open,
    nobody afterwards.

    `due_at` is by when it is to be handled, computed once when it is filed, and moved only by a step that says who and
    why; `stage_due_at` by when its holder has to do their part; `answer_due_at` by when the resident has an answer.
    `close_at`: when it is closed though nobody has said anything. `is_shown`: the content check has passed it.
    `asked`, `asked_amount` (in the standard's unit), `asked_until`, `asked_by_id` and `asked_reason` are what the
    handler asks for and nobody has decided yet. `reached`, `solved` and `stars` are the resident's word. `changed_at`
    is its last step.
    """

    reporter = foreign_key("Person", null=True)
    reporter_id: str | None
    recorded_by_id = IdField(null=True)
    partner = foreign_key("CasePartner", null=True)
    partner_id: str | None
    source = fields.CharEnumField(CaseSource, max_length=8)
    contact = sealed(CONTACT_CONTEXT, null=True)
    shares_contact = fields.BooleanField(default=False)
    community = foreign_key("Organization")
    community_id: str
    grid = foreign_key("Organization", null=True)
    grid_id: str | None
    keeper = foreign_key("Organization")
    keeper_id: str
    handler = foreign_key("Organization", null=True)
    handler_id: str | None
    responsible = foreign_key("Organization", null=True)
    responsible_id: str | None
    holder = foreign_key("Organization", null=True)
    holder_id: str | None
    category = foreign_key("CaseCategory")
    category_id: str
    standard = foreign_key("CaseStandard")
    standard_id: str
    state = fields.CharEnumField(CaseState, max_length=12, default=CaseState.REPORTED)
    is_private = fields.BooleanField(default=False)
    is_shown = fields.BooleanField(default=False)
    text = fields.CharField(max_length=1000)
    place = fields.CharField(max_length=100, default="")
    location = PointField(null=True)
    building = foreign_key("Organization", null=True)
    building_id: str | None
    picture_ids = ArrayField(element_type="uuid", default=list)
    due_at = fields.DatetimeField(null=True)
    stage_due_at = fields.DatetimeField(null=True)
    answer_due_at = fields.DatetimeField()
    filed_at = fields.DatetimeField(null=True)
    accepted_at = fields.DatetimeField(null=True)
    answered_at = fields.DatetimeField(null=True)
    checked_at = fields.DatetimeField(null=True)
    close_at = fields.DatetimeField(null=True)
    closed_at = fields.DatetimeField(null=True)
    outcome = fields.CharEnumField(CaseOutcome, max_length=12, null=True)
    answer = fields.CharField(max_length=1000, default="")
    answer_picture_ids = ArrayField(element_type="uuid", default=list)
    asked = fields.CharEnumField(DelayKind, max_length=12, null=True)
    asked_amount = fields.IntField(null=True)
    asked_until = fields.DatetimeField(null=True)
    asked_by_id = IdField(null=True)
    asked_reason = fields.CharField(max_length=200, default="")
    extensions = fields.SmallIntField(default=0)
    suspensions = fields.SmallIntField(default=0)
    suspended_at = fields.DatetimeField(null=True)
    resume_at = fields.DatetimeField(null=True)
    reopenings = fields.SmallIntField(default=0)
    merged_into = foreign_key("GridCase", null=True)
    merged_into_id: str | None
    reached = fields.BooleanField(null=True)
    solved = fields.BooleanField(null=True)
    stars = fields.SmallIntField(null=True)
    rating_text = fields.CharField(max_length=500, default="")
    rated_at = fields.DatetimeField(null=True)
    changed_at = fields.DatetimeField()

    class Meta:
        table = "grid_case"
        constraints = [
            # One holder at any time, and none afterwards.
            CheckConstraint(
                check=f"(state IN ({OPEN_STATES})) = (holder_id IS NOT NULL)", name="grid_case_has_one_holder"
            ),
            CheckConstraint(
                check="state NOT IN ('dispatched', 'handling', 'suspended') OR "
                "(handler_id IS NOT NULL AND holder_id = handler_id)",
                name="grid_case_handler_holds",
            ),
            CheckConstraint(
                check="state NOT IN ('reported', 'filed', 'answered') OR holder_id = keeper_id",
                name="grid_case_keeper_holds",
            ),
            # Nothing is closed without an answer.
            CheckConstraint(
                check="state NOT IN ('answered', 'checked', 'closed') OR (outcome IS NOT NULL AND answer <> '')",
                name="grid_case_has_answer",
            ),
            CheckConstraint(check="(state = 'merged') = (merged_into_id IS NOT NULL)", name="grid_case_merged"),
            CheckConstraint(check="(state = 'suspended') = (resume_at IS NOT NULL)", name="grid_case_suspended"),
            CheckConstraint(check="(holder_id IS NULL) = (stage_due_at IS NULL)", name="grid_case_holder_has_time"),
            CheckConstraint(check="extensions <= 2 AND suspensions <= 1", name="grid_case_delays"),
            CheckConstraint(check="cardinality(picture_ids) <= 6", name="grid_case_pictures"),
            CheckConstraint(check="stars BETWEEN 1 AND 5", name="grid_case_stars"),
        ]
        indexes = [
            SqlIndex(name="grid_case_holder", columns="holder_id, stage_due_at, id", where="holder_id IS NOT NULL"),
            # The desk: of one holder, and of all of them.
            SqlIndex(
                name="grid_case_on_desk", columns="holder_id, state, stage_due_at, id", where="holder_id IS NOT NULL"
            ),
            SqlIndex(name="grid_case_on_desk_city", columns="state, stage_due_at, id", where="holder_id IS NOT NULL"),
            SqlIndex(name="grid_case_asked", columns="keeper_id, id", where="state = 'handling' AND asked IS NOT NULL"),
            SqlIndex(name="grid_case_community", columns="community_id, id"),
            SqlIndex(name="grid_case_state", columns="state, id"),
            SqlIndex(name="grid_case_grid", columns="grid_id, id", where="grid_id IS NOT NULL"),
            SqlIndex(name="grid_case_building", columns="building_id, id", where="building_id IS NOT NULL"),
            SqlIndex(name="grid_case_community_state", columns="community_id, state, id"),
            SqlIndex(name="grid_case_handler", columns="handler_id, id", where="handler_id IS NOT NULL"),
            SqlIndex(name="grid_case_reporter", columns="reporter_id, id", where="reporter_id IS NOT NULL"),
            SqlIndex(name="grid_case_partner", columns="partner_id, id", where="partner_id IS NOT NULL"),
            SqlIndex(
                name="grid_case_public",
                columns="community_id, id",
                where="is_shown AND NOT is_private AND state NOT IN ('refused', 'merged')",
            ),
            SqlIndex(
                name="grid_case_nearby",
                columns="location",
                method="gist",
                where=f"is_shown AND NOT is_private AND state IN ({OPEN_STATES})",
            ),
            SqlIndex(name="grid_case_to_close", columns="close_at, id", where="close_at IS NOT NULL"),
            SqlIndex(name="grid_case_to_resume", columns="resume_at, id", where="resume_at IS NOT NULL"),
            SqlIndex(
                name="grid_case_contact", columns="changed_at, id", where="contact IS NOT NULL AND holder_id IS NULL"
            ),
            SqlIndex(name="grid_case_merged_into", columns="merged_into_id", where="merged_into_id IS NOT NULL"),
            SqlIndex(name="grid_case_figures", columns="community_id, created_at"),
        ]


class GridCaseStep(Model):
    """One step of a case's time line: never changed. `by_id` did it, for `organization`, until `due_at` if in time.
    `due_from` and `due_to`: the case's own due time, where the step gave it one or moved it. `minutes` are those that
    somebody worked on it."""

    case = foreign_key("GridCase")
    case_id: str
    action = fields.CharField(max_length=20)
    from_state = fields.CharEnumField(CaseState, max_length=12)
    to_state = fields.CharEnumField(CaseState, max_length=12)
    by_id = IdField(null=True)
    organization = foreign_key("Organization", null=True)
    organization_id: str | None
    due_at = fields.DatetimeField(null=True)
    due_from = fields.DatetimeField(null=True)
    due_to = fields.DatetimeField(null=True)
    words = fields.CharField(max_length=1000, default="")
    picture_ids = ArrayField(element_type="uuid", default=list)
    minutes = fields.IntField(null=True)

    class Meta:
        table = "grid_case_step"
        constraints = [
            # A due time that moves says why.
            CheckConstraint(
                check="due_from IS NULL OR due_from IS NOT DISTINCT FROM due_to OR words <> ''",
                name="grid_case_step_says_why",
            ),
        ]
        indexes = [
            SqlIndex(name="grid_case_step_case", columns="case_id, id"),
            SqlIndex(name="grid_case_step_at", columns="action, created_at"),
            SqlIndex(name="grid_case_step_by", columns="by_id, id", where="by_id IS NOT NULL"),
        ]


class GridCaseFollower(Model):
    """Somebody who met the same 我也遇到; told once when there is an answer. It ends, and is kept."""

    case = foreign_key("GridCase")
    case_id: str
    person = foreign_key("Person")
    person_id: str
    told_at = fields.DatetimeField(null=True)
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "grid_case_follower"
        indexes = [
            SqlIndex(
                name="grid_case_follower_once", columns="case_id, person_id", where="ended_at IS NULL", unique=True
            ),
            SqlIndex(name="grid_case_follower_person", columns="person_id, id"),
        ]
