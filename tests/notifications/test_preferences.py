"""What people turn off, and the hours in which they want to be left alone."""

from datetime import datetime

import pytest

from server.foundation import clock
from server.foundation.database import transaction
from server.notifications.events import Topic
from server.notifications.preferences import end_of_quiet
from server.notifications.telling import move_messages
from tests.builders import create_community, create_resident
from tests.clients import Api
from tests.notifications.builders import (
    THING_BULK,
    THING_EXPIRING,
    THING_URGENT,
    THING_URGENT_FOR_MANY,
    Things,
    at_shanghai,
    give_accepts,
    outcome_of,
    tell,
)
from tests.simulator import Simulator

PATH = "/me/notification-preferences"


@pytest.mark.parametrize(
    ("at", "quiet_from", "quiet_until", "until"),
    [
        ("21:59", "22:00", "07:00", None),
        ("22:00", "22:00", "07:00", "2 07:00"),
        ("23:59", "22:00", "07:00", "2 07:00"),
        ("00:00", "22:00", "07:00", "1 07:00"),
        ("06:59", "22:00", "07:00", "1 07:00"),
        ("07:00", "22:00", "07:00", None),
        ("12:30", "12:00", "14:00", "1 14:00"),
        ("11:59", "12:00", "14:00", None),
        ("14:00", "12:00", "14:00", None),
        ("00:30", "00:00", "06:00", "1 06:00"),
    ],
)
def test_quiet_hours_end_in_the_morning(at: str, quiet_from: str, quiet_until: str, until: str | None) -> None:
    def minutes(text: str) -> int:
        return int(text[:2]) * 60 + int(text[3:])

    now = datetime(2026, 3, 1, int(at[:2]), int(at[3:]), tzinfo=clock.SHANGHAI)
    end = end_of_quiet(now, minutes(quiet_from), minutes(quiet_until))
    assert (clock.shanghai(end).strftime("%-d %H:%M") if end else None) == until


async def set_preferences(who: Api, **changes: object) -> None:
    before = await who.get(PATH)
    await who.put(PATH, {"version": before["version"], **changes})


async def muted(who: Api) -> list[str]:
    return [topic["topic"] for topic in (await who.get(PATH))["topics"] if not topic["wanted"]]


async def test_everything_is_wanted_until_it_is_turned_off(api: Api) -> None:
    me = await create_resident(api, await create_community())
    before = await me.get(PATH)
    assert {topic["topic"] for topic in before["topics"]} == set(Topic)
    assert all(topic["wanted"] for topic in before["topics"])
    assert (before["quiet_from"], before["version"]) == (None, 0)
    after = await me.put(PATH, {"version": 0, "muted": ["wishes"], "quiet_from": 1320, "quiet_until": 420})
    assert await muted(me) == ["wishes"]
    assert (after["quiet_from"], after["quiet_until"], after["version"]) == (1320, 420, 1)
    assert await me.get(PATH) == after


async def test_preferences_that_make_no_sense_are_refused(api: Api) -> None:
    me = await create_resident(api, await create_community())
    for wrong in (
        {"muted": ["birthdays"]},
        {"quiet_from": 60},
        {"quiet_until": 60},
        {"quiet_from": 60, "quiet_until": 60},
        {"quiet_from": -1, "quiet_until": 60},
        {"quiet_from": 60, "quiet_until": 1440},
    ):
        await me.refused("PUT", PATH, {"version": 0, **wrong}, code="invalid_fields")
    await me.put(PATH, {"version": 0, "muted": []})
    await me.refused("PUT", PATH, {"version": 0, "muted": ["wishes"]}, code="edited_meanwhile")
    await api.refused("GET", PATH, code="not_signed_in")
    await api.refused("PUT", PATH, {"version": 0}, code="not_signed_in")


async def test_what_is_turned_off_stays_in_the_inbox(api: Api, simulator: Simulator, things: Things) -> None:
    me = await create_resident(api, await create_community())
    await give_accepts(simulator, [me.person_id], 1)
    await set_preferences(me, muted=["wishes"])
    message = await tell(me, things.add(), THING_URGENT)
    await simulator.settle()
    assert await outcome_of(message) == ("done", "inbox_only", 1)
    assert (await me.get("/me/inbox"))["unread"] == 1
    await set_preferences(me, muted=[])
    await tell(me, things.add())
    await simulator.settle()
    assert len(await simulator.outbox(me)) == 1


async def test_at_night_only_what_is_urgent_is_sent(api: Api, simulator: Simulator, things: Things) -> None:
    me = await create_resident(api, await create_community())
    await give_accepts(simulator, [me.person_id], 5)
    await set_preferences(me, quiet_from=22 * 60, quiet_until=7 * 60)
    at_shanghai(23)
    await tell(me, things.add("一"))
    await tell(me, things.add("急"), THING_URGENT)
    await tell(me, things.add("二"))
    await simulator.settle()
    assert [message["data"]["thing1"] for message in await simulator.outbox(me)] == ["急"]
    at_shanghai(6, 59, days=2)
    await simulator.settle()
    assert len(await simulator.outbox(me)) == 1
    at_shanghai(7, days=2)
    await simulator.settle()
    assert [message["data"]["thing1"] for message in await simulator.outbox(me)] == ["急", "一", "二"]


async def test_what_is_urgent_for_many_does_not_wait_behind_what_is_held(
    api: Api, simulator: Simulator, things: Things
) -> None:
    me = await create_resident(api, await create_community())
    await give_accepts(simulator, [me.person_id], 5)
    await set_preferences(me, quiet_from=22 * 60, quiet_until=7 * 60)
    at_shanghai(23)
    # Of one priority, and both there before a relay looks.
    await tell(me, things.add("一"))
    await tell(me, things.add("台风"), THING_URGENT_FOR_MANY)
    await tell(me, things.add("二"))
    await simulator.settle()
    assert [message["data"]["thing1"] for message in await simulator.outbox(me)] == ["台风"]
    at_shanghai(7, days=2)
    await simulator.settle()
    assert [message["data"]["thing1"] for message in await simulator.outbox(me)] == ["台风", "一", "二"]


async def test_one_that_expires_before_morning_is_not_sent(api: Api, simulator: Simulator, things: Things) -> None:
    me = await create_resident(api, await create_community())
    await give_accepts(simulator, [me.person_id], 1)
    await set_preferences(me, quiet_from=22 * 60, quiet_until=7 * 60)
    at_shanghai(23)
    message = await tell(me, things.add(), THING_EXPIRING)
    await simulator.settle()
    at_shanghai(8, days=2)
    await simulator.settle()
    assert await outcome_of(message) == ("expired", "expired", 1)


async def test_shorter_quiet_hours_let_go_what_was_held(api: Api, simulator: Simulator, things: Things) -> None:
    me = await create_resident(api, await create_community())
    await give_accepts(simulator, [me.person_id], 2)
    await set_preferences(me, quiet_from=22 * 60, quiet_until=7 * 60)
    at_shanghai(23)
    await tell(me, things.add())
    await simulator.settle()
    assert await simulator.outbox(me) == []
    await set_preferences(me)
    await simulator.settle()
    assert len(await simulator.outbox(me)) == 1


async def test_what_is_told_to_many_is_never_sent_at_night(api: Api, simulator: Simulator, things: Things) -> None:
    community = await create_community()
    me, owl = await create_resident(api, community), await create_resident(api, community)
    await give_accepts(simulator, [me.person_id, owl.person_id], 1)
    await set_preferences(owl, quiet_from=9 * 60, quiet_until=12 * 60)
    at_shanghai(22, 30)
    await tell(me, things.add(), THING_BULK)
    await tell(owl, things.add(), THING_BULK)
    await simulator.settle()
    assert await simulator.outbox(me) == []
    assert len(await simulator.outbox(owl)) == 1, "who has said otherwise is asked"
    at_shanghai(7, days=2)
    await simulator.settle()
    assert len(await simulator.outbox(me)) == 1


async def test_templates_of_what_is_turned_off_are_not_asked_for(api: Api, simulator: Simulator) -> None:
    me = await create_resident(api, await create_community())
    await set_preferences(me, muted=["wishes"])
    answer = await me.get("/me/subscriptions/to-ask", moment="wish_claimed")
    assert [item["template"] for item in answer["items"]] == []


async def test_a_merged_person_keeps_the_preferences_of_the_one_that_remains(api: Api) -> None:
    community = await create_community()
    old, kept, blank = [await create_resident(api, community) for _ in range(3)]
    await set_preferences(old, muted=["wishes"])
    await set_preferences(kept, muted=["digest"])
    async with transaction():
        await move_messages(old.person_id, kept.person_id)
    assert await muted(kept) == ["digest"]
    async with transaction():
        await move_messages(kept.person_id, blank.person_id)
    assert await muted(blank) == ["digest"]
