"""What people are told of their roles."""

from server.foundation.words import words_of
from server.notifications.events import Event
from server.organizations.models import RoleKind

ROLE_GRANTED = Event(
    name="role_granted",
    title="您有新的工作角色",
    text="您已成为{organization[full_name]}的{kind}。",
    words={"kind": words_of(RoleKind)},
)

ROLE_ENDED = Event(
    name="role_ended",
    title="您的工作角色已结束",
    text="您不再担任{organization[full_name]}的{kind}。",
    words={"kind": words_of(RoleKind)},
)
