"""What people are told of their teams."""

from server.notifications.events import Event

JOINED = Event(
    name="team_joined",
    title="有人加入了团队",
    text="{person[nickname]}加入了您的团队“{team[name]}”。",
    page="pages/team/detail?id={team[id]}",
)

LEFT = Event(
    name="team_left",
    title="您已不在团队中",
    text="{why}：{team[name]}。",
    page="pages/team/mine",
    words={"why": {"removed": "队长已将您移出团队", "ended": "团队已解散"}},
)

NAME_REFUSED = Event(
    name="team_name_refused",
    title="团队名称未通过审核",
    text="您填写的团队名称未通过内容审核，请换一个名称。",
    page="pages/team/detail?id={team[id]}",
)
