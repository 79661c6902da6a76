"""What members and staff are told of check-in, registration, keeping in touch, and transfers."""

from server.notifications.events import Event, review_result, service_report

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

CONTACT_ASSIGNED = Event(
    name="member_contact_assigned",
    title="请您联系一名流动党员",
    text="社区请您与流动党员{membership[name]}保持联系，掌握动态，并在每次联系后作记录。",
    page="pages/contacts/detail?id={membership[id]}",
)

CONTACT_NAMED = Event(
    name="member_contact_named",
    title="您的联系人",
    text="{person[name]}将与您保持联系，有困难可以向联系人或社区反映。",
    page="pages/me/membership",
)

CONTACT_RECORDED = Event(
    name="member_contact_recorded",
    title="已记录一次联系",
    text="{person[name]}记录了{at}与您的联系。",
    page="pages/me/membership",
)

CONTACT_DUE = Event(
    name="member_contact_due",
    title="请联系流动党员",
    text="与流动党员{membership[name]}已有 {days} 天没有联系，请尽快联系并作记录。",
    page="pages/contacts/detail?id={membership[id]}",
    **service_report("check_in", "联系提醒", "有一名联系对象{days}天未联系"),
)

TRANSFER_OFFERED = Event(
    name="transfer_offered",
    title="欢迎转入组织关系",
    text="{organization[name]}欢迎您把组织关系转入社区党组织，就近参加组织生活，请选择是否愿意。",
    page="pages/me/membership",
)

TRANSFER_ANSWERED = Event(
    name="transfer_answered",
    title="转入组织关系有答复",
    text="离退休党员{membership[name]}{answer}。",
    page="pages/staff/member?id={membership[id]}",
    words={"answer": {"accepted": "愿意转入组织关系，请办理手续", "declined": "暂不转入组织关系"}},
)

TRANSFER_COMPLETED = Event(
    name="transfer_completed",
    title="组织关系已转入",
    text="您的组织关系已转入{party_organization[name]}。",
    page="pages/me/membership",
    **review_result("check_in", "关系转接", "已完成", "可在小程序中查看"),
)
