"""The inbox: written with the action, read in words, kept 180 days."""

from datetime import timedelta

import pytest

from server.background.retention import RULES
from server.foundation import clock
from server.foundation.database import fetch_value, transaction
from server.foundation.ids import new_id
from server.notifications import grants
from server.notifications.events import Event
from server.notifications.telling import move_messages, notify
from server.wechat.connection import template_ids
from tests.builders import create_community, create_resident
from tests.clients import Api
from tests.notifications.builders import THING_CHANGED, THING_SEEN, Things, tell


async def test_messages_are_newest_first_in_words_and_by_page(api: Api, things: Things) -> None:
    me = await create_resident(api, await create_community())
    for number in range(5):
        await tell(me, things.add(f"心愿{number}"), THING_SEEN)
    things.asked = 0
    first = await me.get("/me/inbox", limit=3)
    assert [item["text"] for item in first["items"]] == ["“心愿4”被看过", "“心愿3”被看过", "“心愿2”被看过"]
    assert first["unread"] == 5
    assert things.asked == 1, "one query for all things of a page"
    second = await me.get("/me/inbox", limit=3, cursor=first["next_cursor"])
    assert [item["text"] for item in second["items"]] == ["“心愿1”被看过", "“心愿0”被看过"]
    assert second["next_cursor"] is None


async def test_a_deleted_thing_reads_as_deleted(api: Api, things: Things) -> None:
    me = await create_resident(api, await create_community())
    thing = things.add()
    await tell(me, thing)
    del things[thing]
    (item,) = await me.inbox()
    assert "（已删除）" in item["title"]
    assert item["page"] == ""


async def test_reading_one_and_all(api: Api, things: Things) -> None:
    me = await create_resident(api, await create_community())
    ids = [await tell(me, things.add(), THING_SEEN) for _ in range(3)]
    await me.post(f"/me/inbox/{ids[0]}/read")
    await me.post(f"/me/inbox/{ids[0]}/read")
    inbox = await me.get("/me/inbox")
    assert inbox["unread"] == 2
    assert [item["read_at"] is not None for item in inbox["items"]] == [False, False, True]
    assert (await me.post("/me/inbox/read-all"))["count"] == 2
    assert (await me.get("/me/inbox"))["unread"] == 0


async def test_only_those_that_are_unread(api: Api, things: Things) -> None:
    me = await create_resident(api, await create_community())
    ids = [await tell(me, things.add(), THING_SEEN) for _ in range(4)]
    await me.post(f"/me/inbox/{ids[2]}/read")
    first = await me.get("/me/inbox", unread="true", limit=2)
    assert [item["id"] for item in first["items"]] == [ids[3], ids[1]]
    rest = await me.get("/me/inbox", unread="true", limit=2, cursor=first["next_cursor"])
    assert [item["id"] for item in rest["items"]] == [ids[0]]
    assert (rest["unread"], rest["next_cursor"]) == (3, None)
    assert len((await me.get("/me/inbox", unread="false"))["items"]) == 4
    await me.refused("GET", "/me/inbox?unread=perhaps", code="invalid_fields")


async def test_someone_elses_message_does_not_exist(api: Api, things: Things) -> None:
    community = await create_community()
    mine = await tell(await create_resident(api, community), things.add(), THING_SEEN)
    other = await create_resident(api, community)
    await other.refused("POST", f"/me/inbox/{mine}/read", code="not_found")
    assert await other.inbox() == []


async def test_the_inbox_needs_a_session_and_a_real_cursor(api: Api) -> None:
    await api.refused("GET", "/me/inbox", code="not_signed_in")
    me = await create_resident(api, await create_community())
    await me.refused("GET", "/me/inbox?cursor=nonsense", code="invalid_fields")


async def test_a_message_goes_with_its_transaction_and_once_to_each(api: Api, things: Things) -> None:
    community = await create_community()
    me, other = await create_resident(api, community), await create_resident(api, community)
    with pytest.raises(ZeroDivisionError):
        async with transaction():
            await notify(me.person_id, THING_SEEN, thing=things.add())
            raise ZeroDivisionError
    assert await me.inbox() == []
    async with transaction():
        await notify([me.person_id, other.person_id, me.person_id], THING_SEEN, thing=things.add())
    assert await fetch_value("SELECT count(*) FROM inbox_message") == 2


async def test_notify_refuses_what_cannot_be_told(app: object, things: Things) -> None:
    with pytest.raises(KeyError):
        await notify(new_id(), Event(name="no_such_event", title="无", text="无"))
    with pytest.raises(TypeError, match="doer, reason"):
        await notify(new_id(), THING_CHANGED, thing=new_id(), at=clock.now())
    with pytest.raises(TypeError, match="zone"):
        await notify(new_id(), THING_SEEN, thing=clock.now().replace(tzinfo=None))
    with pytest.raises(TypeError, match="neither"):
        await notify(new_id(), THING_SEEN, thing=["a"])


async def test_messages_are_kept_for_180_days(api: Api, things: Things) -> None:
    (purge,) = (rule.purge for rule in RULES if rule.table == "inbox_message")
    me = await create_resident(api, await create_community())
    await tell(me, things.add(), THING_SEEN)
    clock.move_clock(timedelta(days=179))
    await tell(me, things.add(), THING_SEEN)
    assert await purge() == 0
    clock.move_clock(timedelta(days=181))
    assert await purge() == 1
    assert await fetch_value("SELECT count(*) FROM inbox_message") == 1


async def test_a_merged_persons_messages_and_accepts_move(api: Api, things: Things) -> None:
    community = await create_community()
    old, kept = await create_resident(api, community), await create_resident(api, community)
    await tell(old, things.add(), THING_SEEN)
    queued = await tell(old, things.add())
    for who in (old, kept, old):
        await grants.report_answers(who.person_id, {template_ids()["wish_progress"]: "accept"})
    async with transaction():
        await move_messages(old.person_id, kept.person_id)
    assert (await kept.get("/me/inbox"))["unread"] == 2
    lane = await fetch_value("SELECT lane FROM outbox WHERE dedupe_key = $1", f"subscribe_message:{queued}")
    assert lane == kept.person_id
    assert await grants.balance_of(kept.person_id, "wish_progress") == 3
    assert await grants.balance_of(old.person_id, "wish_progress") == 0
