"""How many contacts one person can open, who may claim at all, and that wishers see who looked."""

import asyncio
from datetime import timedelta

from server.accounts.details import empty_details
from server.accounts.models import Person, Registration
from server.foundation import clock
from server.organizations.models import RoleKind
from server.wishes.models import WishState
from tests.builders import create_staff, sign_in
from tests.clients import Api
from tests.wishes.builders import People, create_people, put_persons, put_unit, put_wish


async def set_terms(api: Api, people: People, **terms: object) -> None:
    manager = await create_staff(api, people.community, RoleKind.MANAGER)
    await manager.put("/staff/wishes/terms", {"organization_id": people.community.id, "version": 0} | terms)


async def test_what_is_released_today_counts(api: Api) -> None:
    """A new account claimed, read and released: 16 of 16 contacts in 1.5 s."""
    people = await create_people(api)
    wishes = [await put_wish(people, WishState.PUBLISHED) for _ in range(6)]
    read = []
    for wish_id in wishes:
        if (await people.claimer.send("POST", f"/wishes/{wish_id}/claim")).status_code != 200:
            break
        await people.claimer.get(f"/wishes/{wish_id}/contact")
        read.append(wish_id)
        await people.claimer.post(f"/wishes/{wish_id}/release", {"reason": "没空"})
    assert len(read) == 3
    await people.claimer.refused("POST", f"/wishes/{wishes[4]}/claim", code="too_many_open_claims")
    await people.stranger.post(f"/wishes/{wishes[4]}/claim")
    clock.move_clock(timedelta(days=1, minutes=1))
    claimer = await sign_in(api, await Person.get(id=people.claimer.person_id))
    await claimer.post(f"/wishes/{wishes[5]}/claim")


async def test_what_a_unit_released_today_counts(api: Api) -> None:
    people = await create_people(api)
    [liaison, bystander] = await put_persons(api, people.community, "联络员", "别家联络员")
    unit, another = await put_unit(people.community, liaison), await put_unit(people.community, bystander)
    await set_terms(api, people, max_open_claims_of_unit=1)
    first, second = [await put_wish(people, WishState.PUBLISHED) for _ in range(2)]
    await liaison.post(f"/wishes/{first}/claim", {"unit_id": unit.id})
    await liaison.post(f"/wishes/{first}/release", {"reason": "没空"})
    await liaison.refused("POST", f"/wishes/{second}/claim", {"unit_id": unit.id}, code="too_many_open_claims")
    # It is the unit's: neither another's, nor the liaison's own.
    await bystander.post(f"/wishes/{first}/claim", {"unit_id": another.id})
    await liaison.post(f"/wishes/{second}/claim")


async def test_contacts_of_a_day_are_limited(api: Api) -> None:
    people = await create_people(api)
    await set_terms(api, people, contacts_a_day=2, max_open_claims=5)
    wishes = [await put_wish(people, WishState.CLAIMED) for _ in range(4)]
    answers = await asyncio.gather(*(people.claimer.send("GET", f"/wishes/{each}/contact") for each in wishes))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 429, 429]
    opened = [each for each, answer in zip(wishes, answers, strict=True) if answer.status_code == 200]
    closed = next(each for each in wishes if each not in opened)
    # The same ones again, as often as one likes; staff, whose work it is, all of them.
    await people.claimer.get(f"/wishes/{opened[0]}/contact")
    await people.claimer.refused("GET", f"/wishes/{closed}/contact", code="too_many_contacts")
    for each in wishes:
        await people.staff.get(f"/wishes/{each}/contact")
    clock.move_clock(timedelta(days=1, minutes=1))
    claimer = await sign_in(api, await Person.get(id=people.claimer.person_id))
    await claimer.get(f"/wishes/{closed}/contact")


async def test_who_claims_says_who_they_are(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.PUBLISHED)
    await empty_details(people.claimer.person_id, "real_name", "real_name_index")
    await people.claimer.refused("POST", f"/wishes/{wish_id}/claim", code="name_needed")
    await people.claimer.put("/me/details", {"real_name": "郑实名"})
    await people.claimer.post(f"/wishes/{wish_id}/claim")


async def test_a_community_may_want_to_know_who_claims_first(api: Api) -> None:
    people = await create_people(api)
    await set_terms(api, people, first_claim="vouched")
    [newcomer] = await put_persons(api, people.community, "新来的")
    await Registration.filter(person_id=newcomer.person_id).delete()
    wish_id = await put_wish(people, WishState.PUBLISHED)
    await newcomer.refused("POST", f"/wishes/{wish_id}/claim", code="vouch_needed")
    # Whoever has fulfilled one elsewhere is known, and so is who was at the counter.
    await put_wish(people._replace(claimer=newcomer), WishState.FULFILLED)
    await newcomer.post(f"/wishes/{wish_id}/claim")
    await people.stranger.post(f"/wishes/{await put_wish(people, WishState.PUBLISHED)}/claim")


async def test_wishers_see_who_opened_their_contact(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.CLAIMED)
    path = f"/wishes/{wish_id}/contact-views"
    assert await people.wisher.get(path) == []
    await people.claimer.get(f"/wishes/{wish_id}/contact")
    await people.staff.get(f"/wishes/{wish_id}/contact")
    await people.wisher.get(f"/wishes/{wish_id}/contact")
    staff, claimer = await people.wisher.get(path)
    assert (claimer["is_staff"], staff["is_staff"]) == (False, True)
    assert claimer["nickname"] == (await people.claimer.get("/me"))["nickname"]
    assert claimer["at"] <= staff["at"]
    for who in (people.claimer, people.staff, people.stranger):
        await who.refused("GET", path, code="not_found")
