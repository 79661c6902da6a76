"""Claiming, giving up, assigning; who may, how many, and what happens when all want the same."""

import asyncio
import time

import pytest

from server.accounts.consents import record_consent
from server.accounts.models import Consent, ConsentKind, Person, PersonDetails
from server.foundation.database import IntegrityError, fetch_value
from server.members.memberships import ToldMembership, register_membership
from server.members.models import MemberKind
from server.wishes.models import ClaimState, WishClaim, WishState
from server.wishes.rules import MAX_OPEN_CLAIMS
from tests.builders import create_resident, grant, told
from tests.clients import Api
from tests.wishes.builders import create_people, put_persons, put_wish, report

TAPS = 200


async def test_200_people_tapping_give_one_claim_and_199_clear_answers(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.PUBLISHED)
    helpers = await put_persons(api, people.community, *(f"热心人{number}" for number in range(TAPS)))
    began = time.perf_counter()
    answers = await asyncio.gather(*(helper.send("POST", f"/wishes/{wish_id}/claim") for helper in helpers))
    assert time.perf_counter() - began < 10
    claims = await WishClaim.filter(wish_id=wish_id)
    assert [claim.state for claim in claims] == [ClaimState.OPEN]
    for helper, answer in zip(helpers, answers, strict=True):
        if helper.person_id == claims[0].claimer_id:
            assert answer.status_code == 200
            assert answer.json()["actors"] == ["claimer"]
        else:
            assert (answer.status_code, answer.json()["code"]) == (409, "wish_taken")
            assert answer.json()["title"] == "这个心愿已被认领"
    assert (await told(people.wisher)).count("wish_claimed") == 1


async def test_one_persons_taps_on_many_wishes_stop_at_the_limit(api: Api) -> None:
    people = await create_people(api)
    wishes = [await put_wish(people, WishState.PUBLISHED) for _ in range(12)]
    answers = await asyncio.gather(*(people.claimer.send("POST", f"/wishes/{wish_id}/claim") for wish_id in wishes))
    codes = [answer.json().get("code", "claimed") for answer in answers]
    assert sorted(set(codes)) == ["claimed", "too_many_open_claims"]
    assert codes.count("claimed") == MAX_OPEN_CLAIMS
    refused = next(answer.json() for answer in answers if answer.status_code == 409)
    assert refused["limit"] == MAX_OPEN_CLAIMS
    assert await fetch_value("SELECT count(*) FROM wish_claim WHERE state = 'open'") == MAX_OPEN_CLAIMS


async def test_a_reported_wish_leaves_the_hands_free(api: Api) -> None:
    people = await create_people(api)
    held = [await put_wish(people, WishState.CLAIMED) for _ in range(MAX_OPEN_CLAIMS)]
    another = await put_wish(people, WishState.PUBLISHED)
    await people.claimer.refused("POST", f"/wishes/{another}/claim", code="too_many_open_claims")
    await report(people.claimer, held[0])
    await people.claimer.post(f"/wishes/{another}/claim")


async def test_the_database_too_allows_one_holder_only(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.CLAIMED)
    claim = await WishClaim.get(wish_id=wish_id)
    with pytest.raises(IntegrityError, match="wish_claim_one_holder"):
        await WishClaim.create(wish_id=wish_id, claimer_id=people.stranger.person_id, due_at=claim.due_at)


async def test_the_same_tap_twice_changes_nothing(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.PUBLISHED)
    first = await people.claimer.post(f"/wishes/{wish_id}/claim")
    second = await people.claimer.post(f"/wishes/{wish_id}/claim")
    assert first["claim"]["id"] == second["claim"]["id"]
    assert (await told(people.wisher)).count("wish_claimed") == 1


async def test_claiming_is_for_members_and_volunteers(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.PUBLISHED)
    (resident,) = await put_persons(api, people.community, "居民", volunteers=False)
    await resident.refused("POST", f"/wishes/{wish_id}/claim", code="volunteer_needed")
    await resident.post("/me/consents", {"kind": "volunteer_terms", "text_version": "1"})
    await resident.post(f"/wishes/{wish_id}/claim")

    another = await put_wish(people, WishState.PUBLISHED)
    (member,) = await put_persons(api, people.community, "党员", volunteers=False)
    await record_consent(member.person_id, ConsentKind.MEMBERSHIP_DATA, "1")
    await register_membership(member.person_id, ToldMembership(kind=MemberKind.IN_SERVICE, home_text="供电公司党支部"))
    await member.post(f"/wishes/{another}/claim")


async def test_who_else_may_not_claim(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.PUBLISHED)
    without_phone = await create_resident(api, people.community)
    await record_consent(without_phone.person_id, ConsentKind.VOLUNTEER_TERMS, "1")
    await without_phone.refused("POST", f"/wishes/{wish_id}/claim", code="phone_needed")
    await PersonDetails.filter(person_id=people.stranger.person_id).update(phone_verified_at=None)
    await people.stranger.refused("POST", f"/wishes/{wish_id}/claim", code="phone_needed")
    assert (await people.wisher.get(f"/wishes/{wish_id}"))["state"] == "published"
    await api.refused("POST", f"/wishes/{wish_id}/claim", code="not_signed_in")


async def test_nobody_claims_their_own_wish(api: Api) -> None:
    people = await create_people(api)
    own_id = await put_wish(people._replace(wisher=people.claimer), WishState.PUBLISHED)
    await people.claimer.refused("POST", f"/wishes/{own_id}/claim", code="own_wish")
    # Nor one that they wrote for somebody else.
    written = await put_wish(people, WishState.PUBLISHED, author_id=people.claimer.person_id)
    await people.claimer.refused("POST", f"/wishes/{written}/claim", code="own_wish")


async def test_what_was_never_on_the_wall_cannot_be_claimed(api: Api) -> None:
    people = await create_people(api)
    for state in (WishState.DRAFT, WishState.SUBMITTED, WishState.RETURNED, WishState.EXPIRED, WishState.WITHDRAWN):
        wish_id = await put_wish(people, state)
        await people.claimer.refused("POST", f"/wishes/{wish_id}/claim", code="not_found")


async def test_giving_up_puts_it_back_on_the_wall(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.CLAIMED)
    await people.stranger.refused("POST", f"/wishes/{wish_id}/release", {"reason": "x"}, code="not_allowed")
    released = await people.claimer.post(f"/wishes/{wish_id}/release", {"reason": "临时出差"}, expect=200)
    assert (released["state"], released["wish"]["id"]) == ("released", wish_id)
    assert (await told(people.wisher))[-1] == "wish_back_on_wall"
    assert [card["id"] for card in (await people.stranger.get("/wishes"))["items"]] == [wish_id]
    claim = (await people.claimer.get("/wishes/claims"))["items"][0]
    assert claim == released
    assert (claim["state"], claim["end_reason"], claim["is_mine"]) == ("released", "临时出差", True)
    await people.stranger.post(f"/wishes/{wish_id}/claim")
    # Nothing is forgotten: staff see everybody who ever held it.
    history = await people.staff.get(f"/staff/wishes/{wish_id}/claims")
    assert [(past["claimer_name"], past["state"]) for past in history] == [("路人", "open"), ("热心人", "released")]
    await people.claimer.refused("GET", f"/staff/wishes/{wish_id}/claims", code="not_allowed")
    draft = await put_wish(people, WishState.DRAFT)
    await people.staff.refused("GET", f"/staff/wishes/{draft}/claims", code="not_found")


async def test_who_gives_up_sees_the_claim_though_the_wish_is_theirs_no_more(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.AMENDED)
    released = await people.claimer.post(f"/wishes/{wish_id}/release", {"reason": "临时出差"}, expect=200)
    # It is in review again, and may say something by now that nobody has checked.
    assert (released["state"], released["wish"]["title"]) == ("released", "（心愿已不再公开）")
    await people.claimer.refused("GET", f"/wishes/{wish_id}", code="not_found")


async def test_assigning_and_taking_back(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.CLAIMED)
    path = f"/staff/wishes/{wish_id}"

    def assignment(person_id: str) -> dict[str, str]:
        return {"claimer_id": person_id, "reason": "原认领人住院"}

    await people.staff.refused("POST", f"{path}/assign", assignment(people.wisher.person_id), code="own_wish")
    await people.staff.refused("POST", f"{path}/assign", assignment(people.claimer.person_id), code="wrong_state")
    await people.staff.refused("POST", f"{path}/assign", assignment("0" * 22), code="invalid_fields")
    await people.staff.post(f"{path}/assign", assignment(people.stranger.person_id))
    assert (await told(people.claimer))[-1] == "wish_taken_back"
    assert "wish_assigned" in await told(people.stranger)
    assert await told(people.wisher) == ["wish_claimed"]
    assert (await people.claimer.get("/wishes/claims"))["items"][0]["state"] == "reassigned"
    await people.claimer.refused("GET", f"/wishes/{wish_id}/contact", code="not_allowed")
    await people.staff.post(f"{path}/take-back", {"reason": "无法联系"})
    assert (await people.stranger.get(f"/wishes/{wish_id}"))["state"] == "published"
    for _ in range(3):
        await put_wish(people._replace(claimer=people.stranger), WishState.CLAIMED)
    await people.staff.refused(
        "POST", f"{path}/assign", assignment(people.stranger.person_id), code="too_many_open_claims"
    )


async def test_staff_vouch_for_whom_they_assign(api: Api) -> None:
    """Whether somebody is a volunteer is not asked: a refusal would tell staff who is a member."""
    people = await create_people(api)
    await Consent.filter(person_id=people.stranger.person_id, kind=ConsentKind.VOLUNTEER_TERMS).delete()
    wish_id = await put_wish(people, WishState.PUBLISHED)
    body = {"claimer_id": people.stranger.person_id, "reason": "本人愿意"}
    assigned = await people.staff.post(f"/staff/wishes/{wish_id}/assign", body)
    assert assigned["state"] == "claimed"


async def test_nobody_decides_on_themselves(api: Api) -> None:
    """Staff who claimed a wish cannot confirm their own work, and the wisher cannot publish their own wish."""
    people = await create_people(api)
    for who in (people.claimer, people.wisher):
        await grant(await Person.get(id=who.person_id), people.community)
    wish_id = await put_wish(people, WishState.REPORTED)
    await people.claimer.refused("POST", f"/staff/wishes/{wish_id}/confirm", {"note": "x"}, code="not_allowed")
    claimed = await put_wish(people, WishState.CLAIMED)
    await people.claimer.refused("POST", f"/staff/wishes/{claimed}/take-in", {"note": "x"}, code="not_allowed")
    own = await put_wish(people, WishState.SUBMITTED)
    await people.wisher.refused("POST", f"/staff/wishes/{own}/publish", {"version": 1}, code="not_allowed")
