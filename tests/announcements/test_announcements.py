"""One writes, another one sends, everybody of the scope is told once."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from server.accounts.models import ConsentKind, PersonOrigin
from server.announcements import sending
from server.announcements.models import AnnouncementAudience
from server.announcements.sending import TELL_NEXT_PERSONS
from server.background import sweeps
from server.background.sweeps import RowsFailed
from server.foundation import clock
from server.foundation.database import execute, fetch, fetch_value
from server.notifications.telling import notify
from server.organizations.models import Level, RoleKind
from tests.announcements.builders import PATH, WORDS, Office, open_office, tell_everybody
from tests.breaking import break_once
from tests.builders import (
    agree,
    create_community,
    create_organization,
    create_person,
    create_resident,
    create_staff,
    grant,
)
from tests.clients import Api
from tests.notifications.builders import at_shanghai, give_accepts
from tests.simulator import Simulator


@pytest.fixture
async def office(api: Api) -> Office:
    return await open_office(api)


async def test_everybody_who_lives_there_is_told_once(api: Api, office: Office) -> None:
    mine = await create_resident(api, office.community)
    other = await create_resident(api, await create_community())
    draft = await office.draft()
    assert (draft["state"], draft["told"], draft["version"]) == ("draft", 0, 1)
    sent = await office.send(draft)
    assert (sent["state"], sent["expected"]) == ("sending", 1)
    await tell_everybody()
    await tell_everybody()
    done = await office.writer.get(f"{PATH}/{draft['id']}")
    assert (done["state"], done["told"]) == ("sent", 1)
    (message,) = await mine.inbox()
    assert message["title"] == WORDS["title"]
    assert "幸福社区发布公告：因管道检修" in message["text"]
    assert message["page"] == f"pages/announcement/detail?id={draft['id']}"
    assert await other.inbox() == []
    read = await mine.get(f"/announcements/{draft['id']}")
    assert (read["text"], read["organization_name"], read["urgent"]) == (WORDS["text"], "幸福社区", False)
    await other.refused("GET", f"/announcements/{draft['id']}", code="not_found")
    await api.refused("GET", f"/announcements/{draft['id']}", code="not_signed_in")


async def test_the_preview_says_how_many_and_how_many_on_wechat(api: Api, simulator: Simulator, office: Office) -> None:
    people = [await create_resident(api, office.community) for _ in range(4)]
    await give_accepts(simulator, [person.person_id for person in people[:3]], 1, "announcement")
    await people[0].put("/me/notification-preferences", {"version": 0, "muted": ["announcements"]})
    await create_person(community=office.community, origin=PersonOrigin.DEPENDANT)  # cannot read an inbox
    await agree(people[1].person_id, ConsentKind.VOLUNTEER_TERMS)

    async def preview(audience: str) -> dict[str, Any]:
        found: dict[str, Any] = await office.writer.get(
            f"{PATH}/audience", organization_id=office.community.id, audience=audience
        )
        return found

    assert await preview("residents") == {"people": 4, "on_wechat": 2}
    assert await preview("volunteers") == {"people": 1, "on_wechat": 1}
    assert await preview("workers") == {"people": 3, "on_wechat": 0}
    path = f"{PATH}/audience?organization_id={(await create_community()).id}"
    await office.writer.refused("GET", path, code="not_allowed")
    await people[0].refused("GET", path, code="not_allowed")


@pytest.mark.parametrize(("audience", "told"), [("residents", 2), ("volunteers", 1), ("workers", 4)])
async def test_each_audience_of_a_whole_subtree(api: Api, audience: str, told: int) -> None:
    district = await create_organization(Level.DISTRICT)
    communities = [await create_community(parent=district) for _ in range(2)]
    office = await open_office(api, district)
    residents = [await create_resident(api, community) for community in communities]
    await agree(residents[0].person_id, ConsentKind.VOLUNTEER_TERMS)
    worker = await create_person()
    await grant(worker, communities[0], RoleKind.GRID_WORKER)
    await grant(worker, communities[1], RoleKind.STAFF)  # two roles, one person
    sent = await office.send(await office.draft(audience=audience))
    assert sent["expected"] == told
    await tell_everybody()
    assert await fetch_value("SELECT count(*) FROM inbox_message WHERE event = 'announcement'") == told


async def test_its_writer_does_not_send_it_alone(api: Api, office: Office) -> None:
    await create_resident(api, office.community)
    draft = await office.draft()
    send = f"{PATH}/{draft['id']}/send"
    await office.writer.refused("POST", send, {"version": 1}, code="second_person_needed")
    body = {"version": 1, "words": WORDS | {"title": "改过的标题"}}
    changed = await office.sender.put(f"{PATH}/{draft['id']}", body)
    await office.sender.refused("POST", send, {"version": changed["version"]}, code="second_person_needed")
    await office.send(changed, by=office.writer)


async def test_a_manager_sends_what_is_urgent_but_not_their_own(api: Api, office: Office) -> None:
    await create_resident(api, office.community)
    draft = await office.draft(urgent=True)
    await office.sender.refused("POST", f"{PATH}/{draft['id']}/send", {"version": 1}, code="not_allowed")
    await office.send(draft, by=office.manager)
    own = await office.draft(by=office.manager)
    send = f"{PATH}/{own['id']}/send"
    await office.manager.refused("POST", send, {"version": own["version"]}, code="second_person_needed")
    await office.send(own)


async def test_the_others_who_work_there_are_asked_to_read_it(api: Api, office: Office) -> None:
    await office.draft()
    for who, count in ((office.writer, 0), (office.sender, 1), (office.manager, 1)):
        titles = [message["title"] for message in await who.inbox()]
        assert titles == ["有公告待发送"] * count


async def test_where_nobody_else_works_the_nearest_above_are_asked(api: Api) -> None:
    street = await create_organization(Level.SUBDISTRICT)
    community = await create_community(parent=street)
    alone, above = await create_staff(api, community), await create_staff(api, street)
    manager_above = await create_staff(api, street, RoleKind.MANAGER)

    async def asked(who: Api) -> int:
        return sum(item["event"] == "announcement_to_send" for item in await who.inbox())

    made = await alone.post(PATH, {"organization_id": community.id, "words": WORDS}, expect=201)
    assert [await asked(who) for who in (alone, above, manager_above)] == [0, 1, 1]
    # What becomes urgent is for managers, and what somebody else has rewritten for the first writer too.
    path = f"{PATH}/{made['id']}"
    made = await alone.put(path, {"version": 1, "words": WORDS | {"urgent": True}})
    assert [await asked(who) for who in (alone, above, manager_above)] == [0, 1, 2]
    made = await above.put(path, {"version": 2, "words": WORDS})
    assert [await asked(who) for who in (alone, above, manager_above)] == [1, 1, 2]
    await alone.put(path, {"version": 3, "words": WORDS | {"title": "周日停水通知"}})
    await alone.put(path, {"version": 4, "words": WORDS})
    assert [await asked(who) for who in (alone, above, manager_above)] == [1, 2, 3], "once a change of hands"


async def test_what_cannot_be_announced(api: Api, office: Office) -> None:
    grid = await create_organization(Level.GRID, parent=office.community)
    building = await create_organization(Level.BUILDING, parent=grid)
    for body in (
        {"organization_id": building.id, "words": WORDS},
        {"organization_id": office.community.id, "words": WORDS | {"title": "长" * 31}},
        {"organization_id": office.community.id, "words": WORDS | {"title": "  "}},
        {"organization_id": office.community.id, "words": WORDS | {"text": ""}},
        {"organization_id": office.community.id, "words": WORDS | {"audience": "cats"}},
    ):
        await office.writer.refused("POST", PATH, body, code="invalid_fields")
    elsewhere = {"organization_id": (await create_community()).id, "words": WORDS}
    await office.writer.refused("POST", PATH, elsewhere, code="not_allowed")
    observer = await create_staff(api, office.community, RoleKind.OBSERVER)
    await observer.refused("POST", PATH, {"organization_id": office.community.id, "words": WORDS}, code="not_allowed")
    resident = await create_resident(api, office.community)
    await resident.refused("POST", PATH, elsewhere, code="not_allowed")


async def test_an_announcement_that_reaches_nobody_is_not_sent(api: Api, office: Office) -> None:
    draft = await office.draft()
    await office.sender.refused("POST", f"{PATH}/{draft['id']}/send", {"version": 1}, code="nobody_to_tell")


async def test_a_draft_is_changed_by_whoever_has_read_it_last(api: Api, office: Office) -> None:
    await create_resident(api, office.community)
    draft = await office.draft()
    path = f"{PATH}/{draft['id']}"
    changed = await office.writer.put(path, {"version": 1, "words": WORDS | {"title": "新标题"}})
    assert (changed["title"], changed["version"]) == ("新标题", 2)
    await office.sender.refused("PUT", path, {"version": 1, "words": WORDS}, code="edited_meanwhile")
    await office.sender.refused("POST", f"{path}/send", {"version": 1}, code="edited_meanwhile")
    await office.writer.refused("PUT", path, {"version": 2, "words": WORDS | {"text": " "}}, code="invalid_fields")
    sent = await office.send(changed)
    await office.writer.refused("PUT", path, {"version": sent["version"], "words": WORDS}, code="wrong_state")
    await office.sender.refused("POST", f"{path}/send", {"version": sent["version"]}, code="wrong_state")


async def test_others_do_not_see_it_at_all(api: Api, office: Office) -> None:
    draft = await office.draft()
    stranger = await create_staff(api, await create_community())
    path = f"{PATH}/{draft['id']}"
    await stranger.refused("GET", path, code="not_found")
    await stranger.refused("PUT", path, {"version": 1, "words": WORDS}, code="not_found")
    await stranger.refused("POST", f"{path}/send", {"version": 1}, code="not_found")
    await stranger.refused("POST", f"{path}/withdraw", code="not_found")
    await stranger.refused("GET", f"{PATH}?organization_id={office.community.id}", code="not_found")
    observer = await create_staff(api, office.community, RoleKind.OBSERVER)
    assert (await observer.get(path))["title"] == WORDS["title"]
    await observer.refused("POST", f"{path}/withdraw", code="not_found")


async def test_the_list_is_newest_first_by_page(api: Api, office: Office) -> None:
    for number in range(3):
        await office.draft(title=f"公告{number}")
    first = await office.sender.get(PATH, organization_id=office.community.id, limit=2)
    assert [item["title"] for item in first["items"]] == ["公告2", "公告1"]
    rest = await office.sender.get(PATH, organization_id=office.community.id, limit=2, cursor=first["next_cursor"])
    assert [item["title"] for item in rest["items"]] == ["公告0"]
    assert rest["next_cursor"] is None


async def test_a_withdrawn_one_is_told_to_nobody_else_and_is_gone(
    api: Api, simulator: Simulator, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_shanghai(10)
    monkeypatch.setattr(sending, "BATCH", 1)
    people = [await create_resident(api, office.community) for _ in range(3)]
    await give_accepts(simulator, [person.person_id for person in people], 1, "announcement")
    draft = await office.send(await office.draft())
    assert await TELL_NEXT_PERSONS.run() == 1
    path = f"{PATH}/{draft['id']}"
    withdrawn = await office.writer.post(f"{path}/withdraw")
    assert (withdrawn["state"], withdrawn["told"]) == ("withdrawn", 1)
    assert await tell_everybody() == 0
    await simulator.settle()
    assert await simulator.outbox() == [], "nor does what was queued go out"
    (message,) = await people[0].inbox()
    assert (message["title"], message["text"]) == ("公告已撤回", "发布单位已撤回这条公告。")
    assert (message["page"], message["read_at"]) == ("", None)
    await people[0].refused("GET", f"/announcements/{draft['id']}", code="not_found")
    await office.writer.refused("POST", f"{path}/withdraw", code="wrong_state")


async def test_batches_by_many_workers_tell_everybody_once(
    api: Api, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "BATCH", 3)
    people = [await create_person(community=office.community) for _ in range(20)]
    await office.send(await office.draft())
    await office.send(await office.draft())
    # Somebody comes, and somebody moves away to where nobody is told, while it is being sent.
    assert await TELL_NEXT_PERSONS.run() == 3
    await create_person(community=office.community)
    await execute("UPDATE person SET community_id = NULL WHERE id = $1", people[10].id)
    await asyncio.gather(*(tell_everybody() for _ in range(4)))
    await tell_everybody()
    rows = await fetch(
        "SELECT person_id, facts->>'announcement' AS a, count(*) AS n FROM inbox_message "
        "WHERE event = 'announcement' GROUP BY 1, 2"
    )
    assert len(rows) == 40
    assert {row["n"] for row in rows} == {1}
    assert await fetch_value("SELECT count(*) FROM announcement WHERE state = 'sent' AND told = 20") == 2


async def test_a_worker_that_dies_in_a_batch_has_told_nobody_of_it(
    api: Api, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        await create_resident(api, office.community)
    await office.send(await office.draft())

    async def die(*arguments: object, **options: object) -> None:
        await notify(*arguments, **options)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(sending, "notify", die)
        with pytest.raises(KeyboardInterrupt):
            await TELL_NEXT_PERSONS.run()
    assert await fetch_value("SELECT count(*) FROM inbox_message WHERE event = 'announcement'") == 0
    clock.move_clock(timedelta(minutes=5))
    urgent = await office.draft(urgent=True)
    await execute("UPDATE announcement SET state = 'sending', sent_at = $2 WHERE id = $1", urgent["id"], clock.now())
    assert await TELL_NEXT_PERSONS.lag() >= 300, "an urgent one goes first, and does not hide how long others wait"
    assert await tell_everybody() >= 3
    assert await fetch_value("SELECT count(*) FROM inbox_message WHERE event = 'announcement'") == 3


async def test_an_urgent_one_goes_out_at_night(api: Api, simulator: Simulator, office: Office) -> None:
    me = await create_resident(api, office.community)
    await give_accepts(simulator, [me.person_id], 2, "announcement")
    at_shanghai(23)
    await office.send(await office.draft(title="平常"))
    await office.send(await office.draft(title="台风红色预警", urgent=True), by=office.manager)
    await tell_everybody()
    await simulator.settle()
    (received,) = await simulator.outbox(me)
    assert received["data"]["thing1"] == "台风红色预警"
    assert received["data"]["thing2"] == "幸福社区"
    at_shanghai(7, 1, days=2)
    await simulator.settle()
    assert len(await simulator.outbox(me)) == 2


async def test_those_without_an_accept_find_it_in_the_inbox_and_burden_nobody(
    api: Api, simulator: Simulator, office: Office
) -> None:
    me = await create_resident(api, office.community)
    await office.send(await office.draft())
    await tell_everybody()
    assert await fetch_value("SELECT count(*) FROM outbox WHERE kind = 'subscribe_message'") == 0
    assert (await me.get("/me/inbox"))["unread"] == 1
    row = await fetch("SELECT delivery, delivery_note, digest_due_at FROM inbox_message WHERE event = 'announcement'")
    assert (row[0]["delivery"], row[0]["delivery_note"]) == ("inbox_only", "no accept left")
    assert row[0]["digest_due_at"], "the digest counts it"


async def test_every_step_is_in_the_audit_log(api: Api, office: Office) -> None:
    await create_resident(api, office.community)
    draft = await office.draft()
    changed = await office.writer.put(f"{PATH}/{draft['id']}", {"version": 1, "words": WORDS})
    await office.send(changed)
    await office.manager.post(f"{PATH}/{draft['id']}/withdraw")
    rows = await fetch("SELECT action, actor_id FROM audit_entry WHERE subject_id = $1 ORDER BY id", draft["id"])
    assert [row["action"].removesuffix("_announcement") for row in rows] == ["create", "change", "send", "withdraw"]
    assert rows[2]["actor_id"] == office.sender.person_id


async def test_one_that_cannot_be_told_does_not_hold_up_the_others(
    api: Api, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    resident = await create_resident(api, office.community)
    await office.send(await office.draft(title="坏公告"))
    await office.send(await office.draft(title="好公告"))
    break_once(monkeypatch, sending, "next_persons")
    with pytest.raises(RowsFailed) as nothing:
        await TELL_NEXT_PERSONS.run()
    assert nothing.value.done == 0
    with pytest.raises(RowsFailed) as failed:
        await TELL_NEXT_PERSONS.run()
    assert failed.value.done == 1
    assert [item["title"] for item in await resident.inbox()] == ["好公告"]
    sweeps.FAILURES.clear()
    assert await TELL_NEXT_PERSONS.run() == 1, "it is tried again"


async def test_the_notice_board_of_where_one_lives(api: Api, office: Office) -> None:
    district = await create_organization(Level.DISTRICT)
    above = await create_organization(Level.SUBDISTRICT, parent=district)
    home = await create_community(parent=above)
    here, higher, elsewhere = await open_office(api, home), await open_office(api, above), office
    mine, neighbor = await create_resident(api, home), await create_resident(api, elsewhere.community)
    ids = []
    notices: list[tuple[Office, dict[str, Any]]] = [
        (here, {"title": "本社区"}),
        (higher, {"title": "本街道"}),
        (here, {"title": "志愿者", "audience": AnnouncementAudience.VOLUNTEERS}),
        (here, {"title": "内部", "audience": AnnouncementAudience.WORKERS}),
        (elsewhere, {"title": "别处"}),
    ]
    for place, words in notices:
        volunteer = await create_resident(api, place.community if place is not higher else home)
        await agree(volunteer.person_id, ConsentKind.VOLUNTEER_TERMS)
        ids.append((await place.send(await place.draft(**words)))["id"])
        clock.move_clock(timedelta(minutes=1))
    await here.draft(title="草稿")
    newcomer = await create_resident(api, home)

    async def board(person: Api) -> list[str]:
        return [item["title"] for item in (await person.get("/announcements"))["items"]]

    for person in (mine, newcomer):
        assert await board(person) == ["本街道", "本社区"], "newest first, and who came later sees it too"
        assert (await person.get(f"/announcements/{ids[0]}"))["title"] == "本社区"
        for hidden in ids[2:]:
            await person.refused("GET", f"/announcements/{hidden}", code="not_found")
    assert await board(neighbor) == ["别处"]
    await neighbor.refused("GET", f"/announcements/{ids[0]}", code="not_found")
    await agree(mine.person_id, ConsentKind.VOLUNTEER_TERMS)
    assert await board(mine) == ["志愿者", "本街道", "本社区"]
    first = await mine.get("/announcements", limit=2)
    rest = await mine.get("/announcements", limit=2, cursor=first["next_cursor"])
    assert [item["title"] for item in first["items"] + rest["items"]] == ["志愿者", "本街道", "本社区"]
    await here.sender.post(f"{PATH}/{ids[0]}/withdraw")
    assert await board(mine) == ["志愿者", "本街道"]
    await mine.refused("GET", f"/announcements/{ids[0]}", code="not_found")
    assert await board(await create_resident(api, await create_community())) == []
    await api.refused("GET", "/announcements", code="not_signed_in")
