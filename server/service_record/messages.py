"""What people are told of their service record."""

from server.foundation.dates import render_duration
from server.notifications.events import Event

NOTED = Event(
    name="service_noted",
    title="社区为您补录了服务",
    text="{organization[name]}补录了您在{at}的服务，共 {minutes}，可在服务记录中查看。",
    page="pages/me/service-record",
    said={"minutes": render_duration},
)

REVERSED = Event(
    name="service_reversed",
    title="有一条服务记录被撤销（冲正）",
    text="{organization[name]}撤销了您在{at}的一条记录，扣回{points}分，原因见服务记录。如有疑问请联系社区。",
    page="pages/me/service-record",
)
