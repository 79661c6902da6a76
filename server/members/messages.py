"""What people are told of membership: who keeps contact with whom, and transfers."""

from server.notifications.events import Event, review_result, service_report

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
