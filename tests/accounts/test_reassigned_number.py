"""A number that the carrier gave to somebody else is nobody's old number any longer, wherever it stood."""

from typing import Any

from tests.builders import told
from tests.clients import Api
from tests.volunteering.builders import publish_shift, sign_up
from tests.wishes.builders import People, create_people, publish_wish, put_persons

NUMBER, DAUGHTERS = "17600000000", "17600000009"


async def verify(who: Api, simulator: Any, number: str) -> None:
    await simulator.person(f"openid-{who.person_id}", phone_number=number)
    await who.put("/me/phone", {"code": await simulator.phone_code(f"openid-{who.person_id}")})


async def claimed_wish(people: People, wisher: Api, simulator: Any, phone: str) -> str:
    """A claimed wish in which the wisher wrote this number."""
    wish_id = await publish_wish(people._replace(wisher=wisher), simulator, phone=phone)
    await people.claimer.post(f"/wishes/{wish_id}/claim")
    return wish_id


async def test_a_claimer_and_a_shift_leader_call_no_stranger(api: Api, simulator: Any) -> None:
    people = await create_people(api)
    old, new, bystander = await put_persons(api, people.community, "原机主", "新机主", "旁人")
    await verify(old, simulator, NUMBER)
    own = await claimed_wish(people, old, simulator, f"+86 {NUMBER}")
    daughters = await claimed_wish(people, old, simulator, DAUGHTERS)
    theirs = await claimed_wish(people, bystander, simulator, NUMBER)
    shift_id = await publish_shift(people)  # type: ignore[arg-type]
    for person in (old, bystander):
        await sign_up(person, shift_id)

    async def phones() -> list[str]:
        return [
            (await people.claimer.get(f"/wishes/{wish_id}/contact"))["phone"] for wish_id in (own, daughters, theirs)
        ]

    async def roster() -> dict[str, str]:
        rows = (await people.staff.get(f"/staff/shifts/{shift_id}/roster"))["items"]
        return {row["person_id"]: row["phone"] for row in rows}

    assert await phones() == [NUMBER, DAUGHTERS, NUMBER]
    before = await roster()
    assert before[old.person_id] == NUMBER
    await verify(new, simulator, NUMBER)
    # What a daughter's number is for the old owner, and what others wrote, is not theirs that lost it.
    assert await phones() == ["", DAUGHTERS, NUMBER]
    assert await roster() == before | {old.person_id: ""}
    assert ["phone_lost" in await told(who) for who in (old, new, bystander)] == [True, False, False]
    await verify(old, simulator, DAUGHTERS)
    assert (await phones())[0] == DAUGHTERS
