"""The ledger of accepts: told by the client and by WeChat, counted once."""

import asyncio
from datetime import timedelta

import pytest

from server.foundation import clock
from server.foundation.database import fetch_value, transaction
from server.notifications import grants
from server.notifications.events import MOMENTS, Topic
from server.notifications.grants import PAIRING_WINDOW, balance_of, record_answer, report_answers
from server.notifications.models import GrantBalance, GrantSource
from server.wechat.connection import template_ids
from server.wechat.templates import BY_NAME
from tests.builders import create_community, create_resident
from tests.clients import Api
from tests.notifications.builders import TEMPLATE, ledger_of
from tests.simulator import Simulator


async def report(who: Api, answer: str = "accept", *, key: str = "") -> None:
    await who.post("/me/subscriptions", {"answers": {template_ids()[TEMPLATE]: answer}}, key=key)


async def test_report_then_push_count_once(api: Api, simulator: Simulator) -> None:
    me = await create_resident(api, await create_community())
    await report(me)
    await simulator.accept(me, TEMPLATE)
    assert await ledger_of(me) == [("client_report", 1), ("push", 0)]
    assert await balance_of(me.person_id, TEMPLATE) == 1


async def test_push_then_report_count_once(api: Api, simulator: Simulator) -> None:
    me = await create_resident(api, await create_community())
    await simulator.accept(me, TEMPLATE)
    await report(me)
    assert await ledger_of(me) == [("push", 1), ("client_report", 0)]
    assert await balance_of(me.person_id, TEMPLATE) == 1


async def test_a_push_that_comes_three_times_counts_once(api: Api, simulator: Simulator) -> None:
    me = await create_resident(api, await create_community())
    await simulator.admin("POST", "pushes", {"duplicates": 2})
    await simulator.accept(me, TEMPLATE)
    await report(me)
    assert await balance_of(me.person_id, TEMPLATE) == 1
    assert await fetch_value("SELECT count(*) FROM stored_push") == 1


async def test_a_repeated_report_counts_once_by_its_idempotency_key(api: Api, simulator: Simulator) -> None:
    me = await create_resident(api, await create_community())
    await report(me, key="tap-00000001")
    await report(me, key="tap-00000001")
    assert await ledger_of(me) == [("client_report", 1)]


@pytest.mark.parametrize(
    "order",
    ["report push report push", "report report push push", "push push report report", "push report report push"],
)
async def test_two_real_accepts_in_a_row_count_twice(api: Api, simulator: Simulator, order: str) -> None:
    me = await create_resident(api, await create_community())
    for second, telling in enumerate(order.split()):
        clock.move_clock(timedelta(seconds=2 * second))
        await (report(me) if telling == "report" else simulator.accept(me, TEMPLATE))
    assert await balance_of(me.person_id, TEMPLATE) == 2


async def test_a_delayed_push_is_paired_by_when_the_person_answered(api: Api, simulator: Simulator) -> None:
    me = await create_resident(api, await create_community())
    await report(me)
    answered_at = clock.now()
    clock.move_clock(timedelta(hours=3))
    async with transaction():
        await record_answer(me.person_id, TEMPLATE, "accept", GrantSource.PUSH, answered_at, "popup:late")
    assert await balance_of(me.person_id, TEMPLATE) == 1


async def test_tellings_far_apart_are_two_accepts(api: Api, simulator: Simulator) -> None:
    me = await create_resident(api, await create_community())
    await report(me)
    clock.move_clock(PAIRING_WINDOW + timedelta(minutes=1))
    await simulator.accept(me, TEMPLATE)
    assert await balance_of(me.person_id, TEMPLATE) == 2


async def test_report_and_push_at_the_same_instant_count_once(api: Api, simulator: Simulator) -> None:
    me = await create_resident(api, await create_community())

    async def push(number: int) -> None:
        async with transaction():
            await record_answer(me.person_id, TEMPLATE, "accept", GrantSource.PUSH, clock.now(), f"popup:{number}")

    await asyncio.gather(*(push(n) for n in range(5)), *(report(me) for _ in range(5)))
    assert await balance_of(me.person_id, TEMPLATE) == 5
    assert sum(change for _, change in await ledger_of(me)) == 5


async def test_without_the_lock_the_pair_is_missed(
    api: Api, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The race that lock_balance prevents: both tellings look for their pair before either is written."""
    me = await create_resident(api, await create_community())
    both = asyncio.Barrier(2)
    found = grants._find_pair

    async def find_together(*arguments: object) -> str | None:
        pair = await found(*arguments)  # type: ignore[arg-type]
        async with asyncio.timeout(5):
            await both.wait()
        return pair

    class Unlocked(GrantBalance):
        async def save(self, *arguments: object, **options: object) -> None:
            """Saving would take the row's lock too."""

        class Meta:
            abstract = True

    async def no_lock(person_id: str, template: str) -> GrantBalance:
        return Unlocked(person_id=person_id, template=template)

    monkeypatch.setattr(grants, "_find_pair", find_together)
    monkeypatch.setattr(grants, "lock_balance", no_lock)

    async def push() -> None:
        async with transaction():
            await record_answer(me.person_id, TEMPLATE, "accept", GrantSource.PUSH, clock.now(), "popup:1")

    await asyncio.gather(push(), report_answers(me.person_id, {template_ids()[TEMPLATE]: "accept"}))
    assert sum(change for _, change in await ledger_of(me)) == 2, "counted twice"


@pytest.mark.parametrize("answer", ["reject", "ban", "filter"])
async def test_other_answers_add_nothing(api: Api, simulator: Simulator, answer: str) -> None:
    me = await create_resident(api, await create_community())
    await report(me, answer)
    assert await balance_of(me.person_id, TEMPLATE) == 0
    assert await ledger_of(me) == []


async def test_accepts_with_sound_count_too(api: Api, simulator: Simulator) -> None:
    me = await create_resident(api, await create_community())
    await report(me, "acceptWithAudio")
    assert await balance_of(me.person_id, TEMPLATE) == 1


async def test_turning_a_template_off_in_wechat_voids_its_accepts(api: Api, simulator: Simulator) -> None:
    me = await create_resident(api, await create_community())
    await simulator.accept(me, TEMPLATE, times=2)
    clock.move_clock(timedelta(minutes=1))
    await simulator.turn_off(me, TEMPLATE)
    assert await balance_of(me.person_id, TEMPLATE) == 0


async def test_a_late_word_of_turning_off_does_not_void_newer_accepts(api: Api, simulator: Simulator) -> None:
    me = await create_resident(api, await create_community())
    await report(me)
    async with transaction():
        an_hour_ago = clock.now() - timedelta(hours=1)
        await grants.turn_off(me.person_id, TEMPLATE, "reject", an_hour_ago, "change:late")
    assert await balance_of(me.person_id, TEMPLATE) == 1


async def test_a_strangers_push_changes_nothing(api: Api, simulator: Simulator) -> None:
    stranger = await simulator.person("o-never-signed-in")
    await simulator.accept(stranger, TEMPLATE)
    assert await fetch_value("SELECT count(*) FROM grant_entry") == 0


async def test_reports_of_unknown_templates_and_answers_are_refused(api: Api, simulator: Simulator) -> None:
    me = await create_resident(api, await create_community())
    path = "/me/subscriptions"
    await me.refused("POST", path, {"answers": {"no-such-id": "accept"}}, code="invalid_fields")
    problem = await me.refused("POST", path, {"answers": {template_ids()[TEMPLATE]: "yes"}}, code="invalid_fields")
    assert problem["errors"] == [{"field": "answers", "problem": "不是可选的值"}]
    await me.refused("POST", path, {"answers": {}}, code="invalid_fields")
    await api.refused("POST", path, {"answers": {template_ids()[TEMPLATE]: "accept"}}, code="not_signed_in")


async def test_everybody_sees_how_many_accepts_are_left(api: Api, simulator: Simulator) -> None:
    me = await create_resident(api, await create_community())
    await simulator.accept(me, "wish_progress", times=2)
    items = (await me.get("/me/subscriptions"))["items"]
    assert {item["template"]: item["accepts"] for item in items} == dict.fromkeys(BY_NAME, 0) | {"wish_progress": 2}
    assert {item["template_id"] for item in items} == set(template_ids().all().values())
    await api.refused("GET", "/me/subscriptions", code="not_signed_in")


async def test_the_documentation_names_every_moment_and_topic(api: Api) -> None:
    """A client's author need not guess them."""
    document = (await api.client.get("/api/v1/openapi.json")).json()
    (moment,) = document["paths"]["/api/v1/me/subscriptions/to-ask"]["get"]["parameters"]
    schemas = document["components"]["schemas"]
    assert moment["schema"] == {"$ref": "#/components/schemas/AskMoment"}
    assert schemas["AskMoment"]["enum"] == sorted(MOMENTS)
    assert schemas["Preferences"]["properties"]["muted"]["items"] == {"$ref": "#/components/schemas/Topic"}
    assert schemas["Topic"]["enum"] == sorted(Topic)


async def test_what_to_ask_for_is_what_is_most_needed(api: Api, simulator: Simulator) -> None:
    me = await create_resident(api, await create_community())

    async def to_ask() -> list[str]:
        answer = await me.get("/me/subscriptions/to-ask", moment="wish_submitted")
        return [item["template"] for item in answer["items"]]

    assert await to_ask() == ["review_result", "wish_progress"]
    await simulator.accept(me, "review_result")
    assert await to_ask() == ["wish_progress", "review_result"], "the one that is lacking first"
    await me.post("/me/subscriptions", {"answers": {template_ids()["wish_progress"]: "ban"}})
    assert await to_ask() == ["review_result"], "WeChat has banned the other"
    await simulator.accept(me, "review_result", times=4)
    assert await to_ask() == [], "there are enough"
    await me.refused("GET", "/me/subscriptions/to-ask?moment=birthday", code="invalid_fields")
    await api.refused("GET", "/me/subscriptions/to-ask?moment=wish_submitted", code="not_signed_in")
