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
    text="{closed[name]}已撤销，您现在属于{organization[full_name]}",
    kinds={"closed": "organization"},
)
