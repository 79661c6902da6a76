"""页面 pages: every page of the mini-program that a message or a code opens, with what fills it."""

import msgspec

from miniprogram_api.routing import Routes, Who

routes = Routes("小程序码 codes")


class MiniPage(msgspec.Struct, frozen=True):
    """A page of the mini-program. `query` are the parameters that it is opened with (`pages/wish/detail?id=…`);
    `operation_id` is the route that gives what it shows. `shared_by` is the one that
    gives its card to whoever follows a link or a code there; empty where the page is nobody else's."""

    path: str
    title: str
    query: tuple[str, ...]
    operation_id: str
    shared_by: str


def _page(path: str, title: str, operation_id: str, *query: str, shared_by: str = "") -> MiniPage:
    return MiniPage(f"pages/{path}", title, query, operation_id, shared_by)


PAGES = (
    _page("activity/detail", "活动", "get_activity", "id", "shift", shared_by="show_shared_activity"),
    _page("activity/recap", "活动回顾", "get_recap", "id"),
    _page("announcement/detail", "公告", "show_announcement", "id", shared_by="show_shared_announcement"),
    _page("booking/detail", "我的预约", "get_booking", "id"),
    _page("booking/room", "我的活动室预约", "get_room_booking", "id"),
    _page("booking/series", "我的重复预约", "get_series", "id"),
    _page("case/detail", "网格事项", "get_case", "id"),
    _page("check-in/apply", "向社区报到", "show_organization", "id", shared_by="show_shared_community"),
    _page("check-in/mine", "我的报到", "get_my_check_ins"),
    _page("community/join", "加入社区", "show_organization", "id", shared_by="show_shared_community"),
    _page("contacts/detail", "流动党员联系", "view_floating_member", "id"),
    _page("meeting/detail", "联席会议", "get_meeting", "id"),
    _page("me/certificate", "我的服务证明详情", "get_certificate", "id"),
    _page("me/certificates", "我的服务证明", "list_my_certificates"),
    _page("me/family", "我的家人", "list_dependants", shared_by="show_shared_guardian"),
    _page("me/inbox", "站内信", "list_inbox"),
    _page("me/membership", "我的党员身份", "get_my_membership"),
    _page("me/merges", "合并账号", "list_my_merges"),
    _page("me/no-shows", "我的爽约记录", "list_my_no_shows"),
    _page("me/profile", "我的资料", "get_me"),
    _page("me/ratings", "我收到的评价", "list_my_ratings"),
    _page("me/service-record", "我的服务记录", "list_my_service"),
    _page("post/detail", "岗位", "show_post", "id", shared_by="show_shared_post"),
    _page("posts/mine", "我的岗位", "list_my_posts"),
    _page("report/detail", "半年反馈", "view_report", "id"),
    _page("service/detail", "服务项目", "get_service", "id", shared_by="show_shared_service"),
    _page("staff/activity", "活动（工作端）", "show_activity_to_staff", "id"),
    _page("staff/announcement", "公告（工作端）", "show_announcement_to_staff", "id"),
    _page("staff/assessment", "综合评价（工作端）", "show_assessment", "id"),
    _page("staff/booking", "预约（工作端）", "show_booking_to_staff", "id"),
    _page("staff/case", "网格事项（工作端）", "get_case", "id"),
    _page("staff/check-in", "党员报到（工作端）", "view_check_in", "id"),
    _page("staff/complaint", "投诉（工作端）", "show_complaint_to_staff", "id"),
    _page("staff/duties", "值班（工作端）", "list_duties_for_staff"),
    _page("staff/hours", "服务时长（工作端）", "list_hours"),
    _page("staff/member", "党员（工作端）", "view_member", "id"),
    _page("staff/no-show-appeals", "爽约申诉（工作端）", "list_no_show_appeals"),
    _page("staff/posts", "岗位（工作端）", "list_post_holdings"),
    _page("staff/report", "半年反馈（工作端）", "view_report", "id"),
    _page("staff/reports", "半年反馈列表（工作端）", "list_reports"),
    _page("staff/room-booking", "活动室预约（工作端）", "show_room_booking_to_staff", "id"),
    _page("staff/roster-links", "花名册核对（工作端）", "list_roster_links"),
    _page("staff/shift", "场次（工作端）", "show_shift_to_staff", "id"),
    _page("staff/unit-check-in", "单位报到（工作端）", "view_unit_check_in", "id"),
    _page("staff/warning", "预警（工作端）", "show_warning", "id"),
    _page("staff/wish", "微心愿（工作端）", "get_wish", "id"),
    _page("team/detail", "团队", "get_team", "id", shared_by="show_shared_team"),
    _page("team/mine", "我的团队", "list_my_teams"),
    _page("unit/check-ins", "单位报到", "list_unit_check_ins", "id"),
    _page("unit/detail", "单位", "show_unit", "id"),
    _page("unit/reports", "本单位的半年反馈", "list_unit_reports", "id"),
    _page("venue/complaint", "我的投诉", "get_complaint", "id"),
    _page("venue/detail", "邻里中心", "get_venue", "id", shared_by="show_shared_venue"),
    _page("venue/ticket", "我的排号", "get_ticket", "id"),
    _page("visit/mine", "我的上门任务", "list_my_visits"),
    _page("wish/claims", "我的认领", "list_my_wish_claims"),
    _page("wish/detail", "微心愿", "get_wish", "id", shared_by="show_shared_wish"),
)


@routes.get("/pages", who=Who.ANYONE)
async def list_pages() -> list[MiniPage]:
    """小程序的全部页面

    消息和小程序码会打开的每个页面：路径、参数，以及页面内容由哪个接口（operationId）给出。
    """
    return list(PAGES)
