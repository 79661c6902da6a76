"""The console's pages, declared: each shows what an operation of the API lists or gives, and offers what can be done.

A new page is a few lines here. Whoever may not call the operation gets the operation's own refusal.
"""

from collections.abc import Mapping

import msgspec

from miniprogram_api.routes import ALL_ROUTES
from miniprogram_api.routing import Route

OPERATIONS: dict[str, Route] = {route.operation_id: route for routes in ALL_ROUTES for route in routes.declared}


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """Something that can be done to a thing: an operation with the thing's id in its path.

    `states` are those of the thing in which it makes sense (empty: any); `fills` gives fields of the request from the
    thing; `begins` are fields to begin with, from the thing; `choices` offer options for a field (see choosing.py).
    `is_bulk`: it asks nothing, so it can be done to many at once.
    """

    operation: str
    words: str
    look: str = ""
    states: tuple[str, ...] = ()
    fills: Mapping[str, str] = {}
    begins: Mapping[str, str] = {}
    choices: tuple[str, ...] = ()
    is_bulk: bool = False


class WorkPage(msgspec.Struct, frozen=True, kw_only=True):
    """A list and, perhaps, the detail of each of its things.

    `columns` are attributes of a row, dots lead into its parts; `scope` says of what the list is: an `organization`
    with all below it, one `community`, or one `venue`. `makes` are operations that make a new one; `begins` is what a
    list is filtered by at first where it must be by something, `heads` are words over columns in place of the fields'.
    """

    slug: str
    section: str
    title: str
    lists: str
    columns: tuple[str, ...]
    scope: str = "organization"
    id: str = "id"
    headline: str = ""
    heads: Mapping[str, str] = {}
    filters: tuple[str, ...] = ()
    shows: str = ""
    acts: tuple[Act, ...] = ()
    makes: tuple[Act, ...] = ()
    exports: str = ""
    begins: Mapping[str, str] = {}
    managers_only: bool = False


_REFUSE = "danger"
_MAIN = "main"

PAGES = (
    WorkPage(
        slug="check-ins",
        section="双报到",
        title="党员报到",
        lists="list_check_ins",
        heads={"name": "姓名", "party_size": "人数"},
        columns=("name", "member_kind", "community_name", "grid_name", "state", "applied_at"),
        filters=("state",),
        shows="view_check_in",
        headline="real_name",
        acts=(
            Act(
                operation="confirm_check_in",
                words="确认报到",
                look=_MAIN,
                states=("applied",),
                choices=("grid_id",),
            ),
            Act(operation="return_check_in", words="退回修改", states=("applied",)),
            Act(operation="refuse_check_in", words="不接受", look=_REFUSE, states=("applied",)),
            Act(operation="assign_grid", words="调整网格", states=("confirmed",), choices=("grid_id",)),
            Act(
                operation="match_home",
                words="核对党组织",
                states=("applied", "confirmed"),
                choices=("home_organization_id",),
            ),
            Act(operation="end_check_in", words="结束报到", look=_REFUSE, states=("confirmed",)),
        ),
    ),
    WorkPage(
        slug="unit-check-ins",
        section="双报到",
        title="单位报到",
        lists="list_unit_check_ins_of_area",
        columns=("unit_name", "unit_kind", "area_name", "state", "starts_on", "ends_on", "applied_at"),
        filters=("state",),
        shows="view_unit_check_in",
        headline="unit_name",
        acts=(
            Act(operation="accept_unit_check_in", words="接受报到", look=_MAIN, states=("applied",)),
            Act(operation="return_unit_check_in", words="退回修改", states=("applied",)),
            Act(operation="refuse_unit_check_in", words="不接受", look=_REFUSE, states=("applied",)),
            Act(
                operation="change_unit_dates",
                words="调整期限",
                states=("accepted",),
                fills={"version": "version"},
                begins={"ends_on": "ends_on"},
            ),
            Act(operation="end_unit_pairing", words="结束结对", look=_REFUSE, states=("accepted",)),
        ),
    ),
    WorkPage(
        slug="posts",
        section="双报到",
        title="岗位",
        lists="list_community_posts",
        columns=("title", "category_name", "places", "free_places", "state", "term_ends_on"),
        scope="community",
        filters=("state",),
        acts=(
            Act(
                operation="change_post",
                words="修改",
                fills={"version": "version"},
                begins={"title": "title", "duties": "duties", "places": "places", "term_ends_on": "term_ends_on"},
            ),
            Act(operation="close_post", words="停止招募", look=_REFUSE, states=("open",)),
        ),
        makes=(Act(operation="open_post", words="设立岗位", look=_MAIN),),
    ),
    WorkPage(
        slug="post-holdings",
        section="双报到",
        title="任职",
        lists="list_post_holdings",
        heads={"name": "姓名", "party_size": "人数"},
        columns=("name", "phone", "title", "state", "applied_at"),
        scope="community",
        filters=("state",),
        acts=(
            Act(operation="approve_post", words="同意任职", look=_MAIN, states=("applied",), is_bulk=True),
            Act(operation="refuse_post", words="不同意", look=_REFUSE, states=("applied",)),
            Act(operation="end_holding", words="结束任职", look=_REFUSE, states=("held",)),
        ),
    ),
    WorkPage(
        slug="members",
        section="双报到",
        title="党员",
        exports="export_members",
        lists="list_members",
        heads={"name": "姓名", "party_size": "人数"},
        columns=(
            "name",
            "kind",
            "home_organization",
            "grid_name",
            "checked_in_at",
            "last_contact_at",
            "contact_overdue",
        ),
        id="membership_id",
        filters=("kind", "unmatched", "contact_overdue"),
        shows="view_member",
        headline="real_name",
        acts=(
            Act(
                operation="change_member",
                words="修改",
                fills={"version": "version"},
                begins={"kind": "kind", "home_text": "home_text", "note": "note"},
                choices=("home_organization_id",),
            ),
            Act(operation="complete_transfer", words="组织关系已转入", choices=("home_organization_id",)),
            Act(operation="offer_transfer", words="再次邀请转入"),
            Act(operation="end_member", words="结束登记", look=_REFUSE),
        ),
        makes=(Act(operation="register_member", words="登记党员", look=_MAIN, choices=("home_organization_id",)),),
    ),
    WorkPage(
        slug="reports",
        section="双报到",
        title="半年反馈",
        lists="list_reports",
        heads={"name": "姓名", "party_size": "人数"},
        columns=("name", "period", "community_name", "minutes", "points", "grade", "state"),
        filters=("period", "state"),
        acts=(
            Act(
                operation="assess_report",
                words="填写评价",
                look=_MAIN,
                states=("draft",),
                fills={"version": "version"},
                begins={"grade": "grade"},
            ),
            Act(operation="decide_correction", words="答复更正", look=_MAIN, states=("correction_asked",)),
            Act(operation="release_report", words="反馈给所属党组织", look=_MAIN, states=("settled",), is_bulk=True),
        ),
    ),
    WorkPage(
        slug="roster-links",
        section="双报到",
        title="名册核对",
        lists="list_roster_links",
        heads={"name": "姓名", "party_size": "人数"},
        columns=("name", "phone", "nickname", "organization_name", "created_at"),
        acts=(
            Act(operation="confirm_roster_link", words="核对无误", look=_MAIN),
            Act(operation="refuse_roster_link", words="不是本人", look=_REFUSE),
        ),
    ),
    WorkPage(
        slug="wish-review",
        section="微心愿",
        title="待审核",
        lists="list_wishes_to_review",
        columns=("wish.title", "wish.beneficiary_name", "wish.kind", "wish.audience", "verdict", "submitted_at"),
        id="wish.id",
        shows="get_wish",
        headline="title",
        acts=(
            Act(
                operation="publish_wish",
                words="发布",
                look=_MAIN,
                states=("submitted", "amended"),
                fills={"version": "version"},
                choices=("grid_id",),
            ),
            Act(operation="return_wish", words="退回修改", states=("submitted", "amended")),
            Act(operation="refuse_wish", words="不予发布", look=_REFUSE, states=("submitted", "amended")),
        ),
    ),
    WorkPage(
        slug="wishes",
        section="微心愿",
        title="全部心愿",
        exports="export_wishes",
        lists="list_wishes_of_area",
        columns=("title", "beneficiary_name", "kind", "audience", "state", "wished_by"),
        filters=("state",),
        begins={"state": "published"},
        shows="get_wish",
        headline="title",
        acts=(
            Act(operation="take_back_wish", words="收回认领", states=("claimed", "reported")),
            Act(operation="take_in_wish", words="代收物品", states=("claimed",)),
            Act(operation="confirm_wish_for_wisher", words="代为确认", look=_MAIN, states=("reported",)),
            Act(operation="decide_wish_dispute", words="处理争议", look=_MAIN, states=("disputed",)),
        ),
    ),
    WorkPage(
        slug="wishes-unclaimed",
        section="微心愿",
        title="无人认领",
        lists="list_unclaimed_wishes",
        columns=("wish.title", "wish.beneficiary_name", "wish.kind", "wish.wished_by", "escalation"),
        id="wish.id",
        shows="get_wish",
        headline="title",
    ),
    WorkPage(
        slug="moderation",
        section="微心愿",
        title="内容复核",
        lists="list_held_checks",
        columns=("label", "texts", "picture", "waiting_since"),
        acts=(Act(operation="decide_check", words="处理", look=_MAIN),),
    ),
    WorkPage(
        slug="activities",
        section="志愿服务",
        title="活动",
        lists="list_activities_of_area",
        columns=("title", "organizer_name", "starts_at", "signed_up", "state"),
        filters=("state",),
        shows="show_activity_to_staff",
        headline="title",
        acts=(
            Act(operation="submit_activity", words="提交审核", look=_MAIN, states=("draft",)),
            Act(
                operation="publish_activity",
                words="发布",
                look=_MAIN,
                states=("in_review",),
                fills={"version": "version"},
            ),
            Act(operation="return_activity", words="退回修改", states=("in_review",)),
            Act(operation="add_shifts", words="增加场次", states=("draft", "published")),
            Act(operation="set_clock_in_radius", words="签到距离", begins={"meters": "sign_in_meters"}),
            Act(
                operation="cancel_activity", words="取消活动", look=_REFUSE, states=("draft", "in_review", "published")
            ),
        ),
        makes=(Act(operation="create_activity", words="新建活动", look=_MAIN),),
    ),
    WorkPage(
        slug="hours",
        section="志愿服务",
        title="服务时长",
        exports="export_hours",
        lists="list_hours",
        heads={"name": "姓名", "party_size": "人数"},
        columns=("name", "title", "starts_at", "minutes", "state", "stated_at"),
        filters=("state",),
        acts=(
            Act(operation="approve_hours", words="批准", look=_MAIN, states=("waiting",), is_bulk=True),
            Act(operation="refuse_hours", words="不批准", look=_REFUSE, states=("waiting",)),
            Act(operation="correct_hours", words="更正", states=("effective",), begins={"minutes": "minutes"}),
        ),
    ),
    WorkPage(
        slug="appeals",
        section="志愿服务",
        title="缺席申诉",
        lists="list_no_show_appeals",
        heads={"name": "姓名", "party_size": "人数"},
        columns=("name", "title", "shift_starts_at", "reason", "state", "appealed_at"),
        filters=("state",),
        acts=(Act(operation="decide_no_show_appeal", words="处理申诉", look=_MAIN, states=("submitted",)),),
    ),
    WorkPage(
        slug="bookings",
        section="邻里中心",
        title="服务预约",
        exports="export_day_bookings",
        lists="list_day_bookings",
        heads={"name": "姓名", "party_size": "人数"},
        columns=("starts_at", "service_name", "name", "party_size", "state", "note"),
        scope="venue",
        filters=("day",),
        shows="show_booking_to_staff",
        headline="service_name",
        acts=(
            Act(operation="mark_booking_attended", words="到场", look=_MAIN, states=("booked",), is_bulk=True),
            Act(operation="approve_booking", words="同意", look=_MAIN, states=("requested",), is_bulk=True),
            Act(operation="refuse_booking", words="不同意", look=_REFUSE, states=("requested",)),
            Act(
                operation="move_booking_by_staff",
                words="改期",
                states=("booked", "requested"),
                begins={"starts_at": "starts_at"},
            ),
            Act(operation="mark_booking_no_show", words="未到", states=("booked",)),
            Act(
                operation="cancel_booking_by_staff",
                words="取消",
                look=_REFUSE,
                states=("booked", "waiting", "requested"),
            ),
        ),
        makes=(Act(operation="book_walk_in", words="现场预约", look=_MAIN, choices=("service_id",)),),
    ),
    WorkPage(
        slug="room-bookings",
        section="邻里中心",
        title="活动室预约",
        lists="list_day_room_bookings",
        heads={"name": "姓名", "party_size": "人数"},
        columns=("starts_at", "ends_at", "service_name", "name", "party_size", "state", "note"),
        scope="venue",
        filters=("day",),
        shows="show_room_booking_to_staff",
        headline="service_name",
        acts=(
            Act(operation="mark_room_attended", words="到场", look=_MAIN, states=("booked",), is_bulk=True),
            Act(operation="approve_room_booking", words="同意", look=_MAIN, states=("requested",), is_bulk=True),
            Act(operation="refuse_room_booking", words="不同意", look=_REFUSE, states=("requested",)),
            Act(
                operation="move_room_booking_by_staff",
                words="改期",
                states=("booked", "requested"),
                begins={"starts_at": "starts_at", "ends_at": "ends_at"},
            ),
            Act(operation="mark_room_no_show", words="未到", states=("booked",)),
            Act(operation="cancel_room_booking_by_staff", words="取消", look=_REFUSE, states=("booked", "requested")),
        ),
        makes=(Act(operation="book_room_walk_in", words="现场使用", look=_MAIN, choices=("service_id",)),),
    ),
    WorkPage(
        slug="requests",
        section="邻里中心",
        title="预约申请",
        lists="list_requests",
        columns=("service_name", "kind", "starts_at", "party_size", "requested_at", "answer_by"),
        id="booking_id",
        scope="venue",
    ),
    WorkPage(
        slug="complaints",
        section="邻里中心",
        title="意见",
        lists="list_complaints",
        columns=("text", "service_name", "state", "created_at", "answer_by"),
        scope="venue",
        filters=("shown",),
        shows="show_complaint_to_staff",
        headline="venue_name",
        acts=(Act(operation="answer_complaint", words="答复", look=_MAIN, states=("open",)),),
    ),
    WorkPage(
        slug="announcements",
        section="公告",
        title="公告",
        lists="list_announcements",
        columns=("title", "urgent", "state", "expected", "told", "sent_at"),
        shows="show_announcement_to_staff",
        headline="title",
        acts=(
            Act(
                operation="send_announcement", words="发送", look=_MAIN, states=("draft",), fills={"version": "version"}
            ),
            Act(operation="withdraw_announcement", words="撤回", look=_REFUSE, states=("sent", "sending")),
        ),
        makes=(Act(operation="create_announcement", words="写公告", look=_MAIN),),
    ),
    WorkPage(
        slug="roles",
        section="组织",
        title="工作角色",
        lists="list_roles",
        columns=("person.name", "kind", "organization.name", "granted_at", "ended_at"),
        filters=("kind", "with_ended"),
        acts=(Act(operation="end_role", words="结束角色", look=_REFUSE),),
    ),
    WorkPage(
        slug="audit",
        section="组织",
        title="操作记录",
        lists="list_audit_entries",
        columns=("at", "action_name", "actor.name", "person.name", "organization.name"),
        heads={"action_name": "做了什么"},
        filters=("action", "since", "until"),
        exports="export_audit_entries",
        managers_only=True,
    ),
    WorkPage(
        slug="failed-messages",
        section="运行",
        title="发送失败的消息",
        lists="list_failed_messages",
        columns=("event", "error", "attempts", "failed_at", "can_retry"),
        acts=(Act(operation="retry_failed_message", words="重发", look=_MAIN, is_bulk=True),),
    ),
)

BY_SLUG = {page.slug: page for page in PAGES}
SECTIONS = list(dict.fromkeys(page.section for page in PAGES))

WHERE = {
    "check_in": "check-ins",
    "unit_check_in": "unit-check-ins",
    "post_holding": "post-holdings",
    "transfer": "members",
    "report_to_assess": "reports",
    "report_correction": "reports",
    "report_to_release": "reports",
    "roster_link": "roster-links",
    "wish_review": "wish-review",
    "wish_dispute": "wishes",
    "wish_to_confirm": "wishes",
    "wish_unclaimed": "wishes-unclaimed",
    "held_check": "moderation",
    "activity_review": "activities",
    "shift_to_confirm": "shifts",
    "hours": "hours",
    "no_show_appeal": "appeals",
    "booking_request": "bookings",
    "visit_to_assign": "bookings",
    "complaint": "complaints",
}
"""Kind of what waits on the desk → the page where it is dealt with."""
