"""What people are told at neighbor centers, apart from bookings."""

from datetime import timedelta

from server.notifications.events import Event

TICKET_CALLED = Event(
    name="ticket_called",
    title="请到窗口办理",
    text="您的排队号{ticket[number]}已叫到，请到{ticket[counter]}办理“{ticket[service]}”。",
    page="pages/venue/ticket?id={ticket[id]}",
    template="booking_notice",
    topic="bookings",
    fields={
        "thing1": "{ticket[service]}",
        "time2": "{at}",
        "thing3": "{ticket[venue]}",
        "phrase4": "请到窗口",
        "thing5": "{ticket[number]}号请到{ticket[counter]}",
    },
    urgent=True,
    expires_after=timedelta(minutes=10),
)

TICKETS_AHEAD = Event(
    name="tickets_ahead",
    title="快要叫到您了",
    text="“{ticket[service]}”您的排队号{ticket[number]}{ahead}，请回到{ticket[venue]}等候。",
    said={"ahead": lambda ahead: f"前面还有 {ahead} 人" if ahead else "下一个就叫到"},
    page="pages/venue/ticket?id={ticket[id]}",
    urgent=True,
    expires_after=timedelta(minutes=10),
)

TICKET_MISSED = Event(
    name="ticket_missed",
    title="您已过号",
    text="您的排队号{ticket[number]}（{ticket[service]}，{ticket[venue]}）已过号，需要时请重新取号。",
    page="pages/venue/ticket?id={ticket[id]}",
)

DUTY_ASSIGNED = Event(
    name="duty_assigned",
    title="您有新的值班安排",
    text="自{duty[from_day]}起，请于{duty[hours]}在{duty[venue]}值班。",
    page="pages/staff/duties",
)

COMPLAINT_RECEIVED = Event(
    name="complaint_received",
    title="收到一条投诉",
    text="有居民对{complaint[venue]}提出投诉，请在3天内答复。",
    page="pages/staff/complaint?id={complaint[id]}",
)

COMPLAINT_ANSWERED = Event(
    name="complaint_answered",
    title="您的投诉已答复",
    text="您对{complaint[venue]}的投诉已有答复：{complaint[answer]}。",
    page="pages/venue/complaint?id={complaint[id]}",
)
