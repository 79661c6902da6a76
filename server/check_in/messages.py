"""What members and staff are told of check-in and registration."""

from server.notifications.events import Event, review_result

APPLIED = Event(
    name="check_in_applied",
    title="报到申请已提交",
    text="您向{check_in[community]}提交了报到申请，社区确认后会通知您。",
    page="pages/check-in/mine",
)

TO_REVIEW = Event(
    name="check_in_to_review",
    title="有新的报到申请",
    text="{check_in[community]}收到一份党员报到申请，请及时处理。",
    page="pages/staff/check-in?id={check_in[id]}",
)

CONFIRMED = Event(
    name="check_in_confirmed",
    title="报到成功",
    text="{check_in[community]}已确认您的报到，欢迎参与社区服务。",
    page="pages/check-in/mine",
    **review_result("check_in", "社区报到", "已确认", "{check_in[community]}已确认您的报到"),
)

RETURNED = Event(
    name="check_in_returned",
    title="报到申请被退回",
    text="{check_in[community]}退回了您的报到申请：{check_in[reason]}。请修改后重新提交。",
    page="pages/check-in/mine",
    **review_result("check_in", "社区报到", "已退回", "{check_in[reason]}"),
)

REFUSED = Event(
    name="check_in_refused",
    title="报到申请未通过",
    text="{check_in[community]}未接受您的报到申请：{check_in[reason]}。",
    page="pages/check-in/mine",
    **review_result("check_in", "社区报到", "未通过", "{check_in[reason]}"),
)

WITHDRAWN = Event(
    name="check_in_withdrawn",
    title="有报到被撤回",
    text="{check_in[community]}的一份报到已由本人撤回：{check_in[reason]}。",
    page="pages/staff/check-in?id={check_in[id]}",
)

CHANGED = Event(
    name="check_in_changed",
    title="党员更新了报到信息",
    text="{check_in[community]}的一名党员更新了住址、特长或服务意愿。",
    page="pages/staff/check-in?id={check_in[id]}",
)

MOVED_AWAY = Event(
    name="check_in_moved_away",
    title="党员已转往其他社区",
    text="{check_in[community]}的一名党员已在其他社区报到，原报到随之结束。",
    page="pages/staff/check-in?id={check_in[id]}",
)

GRID_ASSIGNED = Event(
    name="check_in_grid_assigned",
    title="您的网格有调整",
    text="{check_in[community]}调整了您所在的网格，可在“我的报到”中查看。",
    page="pages/check-in/mine",
)

ENDED = Event(
    name="check_in_ended",
    title="报到已结束",
    text="{check_in[community]}已结束您的报到：{check_in[reason]}。如有疑问请联系社区。",
    page="pages/check-in/mine",
    **review_result("check_in", "社区报到", "已结束", "{check_in[reason]}"),
)

HOME_MATCHED = Event(
    name="home_matched",
    title="所属党组织已核对",
    text="社区已将您填写的所属党组织核对为“{party_organization[name]}”，如有误请联系社区。",
    page="pages/me/membership",
)

MEMBER_REGISTERED = Event(
    name="member_registered",
    title="社区已为您登记",
    text="{organization[name]}已为您办理党员登记和报到，可在“我的报到”中查看。如有误，请联系社区或撤回同意。",
    page="pages/check-in/mine",
)

MEMBER_CHANGED = Event(
    name="member_changed",
    title="您的党员信息有更新",
    text="{organization[name]}更新了您的党员信息，可在“我的党员信息”中查看，如有误请联系社区。",
    page="pages/me/membership",
)

MEMBER_ENDED = Event(
    name="member_ended",
    title="您的党员登记已结束",
    text="{organization[name]}已结束您的党员登记，如有疑问请联系社区。",
)
