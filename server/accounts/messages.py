"""What people are told of their accounts."""

from server.notifications.events import Event

PROFILE_REFUSED = Event(
    name="profile_refused",
    title="昵称或头像未通过审核",
    text="您修改的昵称或头像未通过内容审核，已恢复为原来的样子，请换一个再试。",
    page="pages/me/profile",
)

COMMUNITY_SUCCEEDED = Event(
    name="community_succeeded",
    title="您所在的社区有变动",
    text="{closed[name]}已撤销，您现在属于{organization[full_name]}。",
    kinds={"closed": "organization"},
)

MERGE_PROPOSED = Event(
    name="merge_proposed",
    title="请确认是否为同一人",
    text="{organization[full_name]}认为您与“{other[nickname]}”是同一人，请在{until}前确认。不确认则不会合并。",
    page="pages/me/merges",
    kinds={"other": "person"},
)

MERGED = Event(
    name="merged",
    title="您的登记已合并",
    text="您此前的一份登记已并入当前账号。如有疑问，请联系社区。",
    page="pages/me/profile",
)

MERGE_DECLINED = Event(
    name="merge_declined",
    title="合并未获当事人确认",
    text="{person[nickname]}与{other[nickname]}的合并未获双方确认，两份资料保持不变。",
    kinds={"other": "person"},
)

GUARDIAN_ACCEPTED = Event(
    name="guardian_accepted",
    title="家人已同意",
    text="{person[name]}已同意由您代办，您现在可以为其预约和报名。",
    page="pages/me/family",
)

GUARDIAN_ENDED = Event(
    name="guardian_ended",
    title="代办已结束",
    text="{person[name]}不再由您代办。",
    page="pages/me/family",
)

PHONE_LOST = Event(
    name="phone_lost",
    title="您的手机号已失效",
    text="您绑定的手机号已由他人验证，不再作为您的联系方式。请重新绑定现在使用的手机号。",
    page="pages/me/profile",
)

LINK_TO_CONFIRM = Event(
    name="roster_link_to_confirm",
    title="请核对名册中的党员",
    text="{person[name]}登录后的姓名和手机号与名册中的党员一致，请与本人核对后确认。",
    page="pages/staff/roster-links",
)

LINK_WAITS = Event(
    name="roster_link_waits",
    title="社区将与您核对身份",
    text="您的姓名和手机号与{organization[full_name]}名册中的一位党员一致，社区与您核对后，党员信息才会显示。",
    page="pages/me/profile",
)

LINK_CONFIRMED = Event(
    name="roster_link_confirmed",
    title="身份已核对",
    text="{organization[full_name]}已确认您是名册中的党员，您可以查看自己的党员信息和报到。",
    page="pages/me/membership",
)

LINK_REFUSED = Event(
    name="roster_link_refused",
    title="身份核对未通过",
    text="{organization[full_name]}核对后认为您不是名册中的那位党员。如有疑问，请联系社区。",
    page="pages/me/profile",
)

NAME_CORRECTED = Event(
    name="name_corrected",
    title="您的姓名已更正",
    text="社区工作人员已核实并更正您的姓名。如有疑问，请联系社区。",
    page="pages/me/profile",
)

NAME_VERIFIED = Event(
    name="name_verified",
    title="您的姓名已核实",
    text="社区工作人员已核实您的姓名。",
    page="pages/me/profile",
)
