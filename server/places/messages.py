"""What people are told of places that they had and did not use."""

from server.notifications.events import Event

BLOCKED = Event(
    name="places_blocked",
    title="暂时不能{purpose}",
    text="您近期已爽约 {count} 次，{until}前不能{purpose}。如有异议，可以对爽约提出申诉。",
    page="pages/me/no-shows",
    words={"purpose": {"shift_role": "报名活动", "slot": "预约服务", "post": "认领岗位"}},
)
