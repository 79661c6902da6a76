"""Events and a kind of subject of the tests' own, so that no feature's wording is tested here."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from server.background.outbox import OutboxRow
from server.foundation import clock
from server.foundation.database import execute, fetch, fetch_one, fetch_value, transaction
from server.foundation.ids import new_id
from server.notifications.events import Event
from server.notifications.grants import balance_of
from server.notifications.models import InboxMessage
from server.notifications.telling import notify
from server.wechat.connection import template_ids
from tests.builders import move_clock_to
from tests.clients import Api
from tests.simulator import Simulator

TEMPLATE = "wish_progress"

THING_CHANGED = Event(
    name="thing_changed",
    title="{thing[title]}有变化",
    text="{doer[nickname]}在{at}更新了“{thing[title]}”（{reason}）",
    page="pages/thing/thing?id={thing[id]}",
    template=TEMPLATE,
    topic="wishes",
    fields={"thing1": "{thing[title]}", "phrase2": "已更新", "time3": "{at}", "thing4": "{reason}"},
    kinds={"doer": "person"},
    words={"reason": {"idle": "长期没有进展"}},
)
THING_EXPIRING = replace(THING_CHANGED, name="thing_expiring", expires_after=timedelta(hours=2))
THING_UNSENDABLE = replace(
    THING_CHANGED,
    name="thing_unsendable",
    fields={"thing1": "{thing[title]}", "phrase2": "abc", "time3": "{at}", "thing4": "{reason}"},
)
THING_URGENT = replace(THING_CHANGED, name="thing_urgent", urgent=True)
THING_MINOR = replace(THING_CHANGED, name="thing_minor", minor=True)
THING_BULK = replace(THING_CHANGED, name="thing_bulk", bulk=True)
THING_URGENT_FOR_MANY = replace(THING_CHANGED, name="thing_urgent_for_many", bulk=True, urgent=True)
THING_SEEN = Event(name="thing_seen", title="有人看过", text="“{thing[title]}”被看过")

EVENTS = {
    event.name: event
    for event in (
        THING_CHANGED,
        THING_EXPIRING,
        THING_UNSENDABLE,
        THING_URGENT,
        THING_MINOR,
        THING_BULK,
        THING_URGENT_FOR_MANY,
        THING_SEEN,
    )
}

CHAOS_TEMPLATE = "service_report"
NUMBERED_NORMAL = Event(
    name="numbered_normal",
    title="第{n}条",
    text="{doer[nickname]}的第{n}条",
    page="pages/thing/thing?n={n}",
    template=CHAOS_TEMPLATE,
    topic="service_record",
    fields={"thing1": "第{n}条", "time2": "{at}", "thing3": "{doer[nickname]}"},
    kinds={"doer": "person"},
    expires_after=timedelta(days=365),
)
NUMBERED_URGENT = replace(NUMBERED_NORMAL, name="numbered_urgent", urgent=True)
NUMBERED_BULK = replace(NUMBERED_NORMAL, name="numbered_bulk", bulk=True)
CHAOS_EVENTS = {event.name: event for event in (NUMBERED_URGENT, NUMBERED_NORMAL, NUMBERED_BULK)}
"""Messages that say which of a person's they are, of each priority."""


class Things(dict[str, str]):
    """The things that messages tell of: id → title. Counts how often they were asked for."""

    asked = 0

    async def describe(self, ids: Iterable[str]) -> dict[str, dict[str, str]]:
        self.asked += 1
        return {thing_id: {"id": thing_id, "title": self[thing_id]} for thing_id in ids if thing_id in self}

    def add(self, title: str = "陪李奶奶买菜") -> str:
        thing_id = new_id()
        self[thing_id] = title
        return thing_id


async def tell(who: Api, thing_id: str, event: Event = THING_CHANGED, **facts: Any) -> str:
    """Notify one person; the inbox message's id."""
    if event is not THING_SEEN:
        facts = {"doer": who.person_id, "at": clock.now(), "reason": "idle", **facts}
    async with transaction():
        await notify(who.person_id, event, thing=thing_id, **facts)
    message_id: str = await fetch_value(
        "SELECT id FROM inbox_message WHERE person_id = $1 ORDER BY id DESC LIMIT 1", who.person_id
    )
    return message_id


async def outcome_of(message_id: str) -> tuple[str, str, int]:
    """What became of a message: the outbox row's state, the inbox message's delivery, the accepts left."""
    message = await InboxMessage.get(id=message_id)
    row = await OutboxRow.get(dedupe_key=f"subscribe_message:{message_id}")
    return str(row.state), str(message.delivery), await balance_of(message.person_id, TEMPLATE)


async def give_accepts(simulator: Simulator, person_ids: Iterable[str], times: int, template: str = TEMPLATE) -> None:
    """Accepts as if the persons had tapped so often, here and at the platform."""
    persons = list(person_ids)
    await execute(
        "INSERT INTO grant_balance (id, created_at, person_id, template, balance, answer) "
        "SELECT p, $2, p, $3, $4, 'accept' FROM unnest($1::uuid[]) AS p "
        "ON CONFLICT (person_id, template) DO UPDATE SET balance = grant_balance.balance + $4",
        persons,
        clock.now(),
        template,
        times,
    )
    grants = simulator.app.ctx.state.saved.grants
    for person_id in persons:
        key = f"openid-{person_id} {template_ids()[template]}"
        grants[key] = grants.get(key, 0) + times


def at_shanghai(hour: int, minute: int = 0, *, days: int = 1) -> None:
    """Move the clock to this time of day, `days` from today."""
    local = clock.shanghai(clock.real_now())
    wanted = local.replace(hour=hour, minute=minute, second=0, microsecond=0) + timedelta(days=days)
    move_clock_to(wanted)


async def ledger_of(who: Api) -> list[tuple[str, int]]:
    """The lines of the person's ledger, (source, change), in order."""
    rows = await fetch("SELECT source, change FROM grant_entry WHERE person_id = $1 ORDER BY id", who.person_id)
    return [(row["source"], row["change"]) for row in rows]


async def pause_of(message_id: str) -> float:
    """In how many seconds the message is tried again."""
    row = await fetch_one("SELECT due_at FROM outbox WHERE dedupe_key = $1", f"subscribe_message:{message_id}")
    assert row
    return float((row["due_at"] - clock.now()).total_seconds())
