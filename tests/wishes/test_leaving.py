"""A blocked or withdrawn person's open wishes are handed to staff, not lost; what they had taken on goes back."""

import pytest

from server.accounts.consents import record_consent
from server.accounts.dependants import add_dependant
from server.accounts.models import Consent, ConsentKind, Person, PersonOrigin, Relation
from server.accounts.persons import create_person
from server.foundation.errors import NotAllowed
from server.organizations.models import RoleKind
from server.wishes.claiming import claim_wish
from server.wishes.models import Wish, WishClaim, WishShare, WishState
from tests.builders import create_staff, told
from tests.clients import Api
from tests.wishes.builders import content, create_people, points_of, put_team, put_wish, report


async def test_a_blocked_persons_wishes_are_handed_to_staff(api: Api) -> None:
    people = await create_people(api)
    manager = await create_staff(api, people.community, RoleKind.MANAGER)
    wishes = {state: await put_wish(people, state) for state in WishState}
    await manager.post(f"/staff/persons/{people.wisher.person_id}/block", {"reason": "abuse"})
    await people.wisher.refused("GET", "/me", code="not_signed_in")
    now = {wish.id: wish for wish in await Wish.all()}
    assert now[wishes[WishState.DRAFT]].state is WishState.WITHDRAWN, "a draft was never meant for staff"
    open_states = {
        WishState.SUBMITTED,
        WishState.RETURNED,
        WishState.PUBLISHED,
        WishState.CLAIMED,
        WishState.AMENDED,
        WishState.REPORTED,
        WishState.DISPUTED,
    }
    for state, wish_id in wishes.items():
        if state is not WishState.DRAFT:
            assert now[wish_id].state is state
            assert (now[wish_id].handed_to_staff_at is not None) is (state in open_states), state
    assert (await told(people.staff)).count("wish_handed_to_staff") == len(open_states)
    seen = await people.staff.get(f"/wishes/{wishes[WishState.CLAIMED]}")
    assert seen["is_with_staff"] is True
    assert seen["actors"] == ["resident", "staff", "stand_in"]


async def test_staff_see_it_through(api: Api) -> None:
    people = await create_people(api)
    manager = await create_staff(api, people.community, RoleKind.MANAGER)
    claimed, reported, returned, unwanted = [
        await put_wish(people, state)
        for state in (WishState.CLAIMED, WishState.REPORTED, WishState.RETURNED, WishState.PUBLISHED)
    ]
    await manager.post(f"/staff/persons/{people.wisher.person_id}/block", {"reason": "deceased"})
    # They show the code and hear what becomes of it, since there is nobody else to.
    code = await people.staff.get(f"/wishes/{claimed}/hand-over-code")
    await people.claimer.post(f"/wishes/{claimed}/hand-over", {"code": code["code"]})
    assert (await told(people.staff))[-1] == "wish_reported"
    # Nobody is waited for who cannot answer.
    confirmed = await people.staff.post(f"/staff/wishes/{reported}/confirm", {"note": "上门核实"})
    assert confirmed["claim"]["confirmed_as"] == "staff"
    assert await points_of(people.claimer) == 10
    # They rate nothing in the wisher's place, but may say that it was not so.
    await people.staff.refused("POST", f"/wishes/{claimed}/confirm", {"stars": 5}, code="not_allowed")
    await people.staff.post(f"/wishes/{claimed}/dispute", {"reason": "没有送到"})
    await people.staff.put(f"/wishes/{returned}", content(title="改好的标题", version=1))
    await people.staff.post(f"/wishes/{returned}/submit")
    await people.staff.post(f"/wishes/{unwanted}/withdraw")


async def test_what_a_blocked_person_held_is_on_the_wall_again(api: Api) -> None:
    people = await create_people(api)
    manager = await create_staff(api, people.community, RoleKind.MANAGER)
    claimed = await put_wish(people, WishState.CLAIMED)
    amended = await put_wish(people, WishState.AMENDED)
    reported = await put_wish(people, WishState.REPORTED)
    await manager.post(f"/staff/persons/{people.claimer.person_id}/block", {"reason": "fraud"})
    states = {wish.id: wish.state for wish in await Wish.all()}
    assert states == {
        claimed: WishState.PUBLISHED,
        amended: WishState.SUBMITTED,
        reported: WishState.REPORTED,
    }
    assert (await told(people.wisher)).count("wish_back_on_wall") == 2
    assert "认领人已退出" in (await people.wisher.inbox())[0]["text"]
    await people.stranger.post(f"/wishes/{claimed}/claim")
    await people.wisher.post(f"/wishes/{reported}/confirm", {"stars": 5})


async def test_a_share_ends_and_a_team_without_its_leader_too(api: Api) -> None:
    people = await create_people(api)
    manager = await create_staff(api, people.community, RoleKind.MANAGER)
    team = await put_team(people.claimer, people.stranger, community=people.community)
    wish_id = await put_wish(people, WishState.CLAIMED, quantity=5, claim={"team_id": team.id})
    await people.stranger.put(f"/wishes/{wish_id}/share", {"quantity": 3})
    await manager.post(f"/staff/persons/{people.stranger.person_id}/block", {"reason": "own_request"})
    claim = await WishClaim.get(wish_id=wish_id)
    assert (claim.pledged, await WishShare.filter(ended_at=None).count()) == (0, 0)
    assert (await told(people.claimer))[-1] == "wish_share_ended"
    assert (await people.claimer.get(f"/teams/{team.id}"))["size"] == 1
    await manager.post(f"/staff/persons/{people.claimer.person_id}/block", {"reason": "own_request"})
    assert (await Wish.get(id=wish_id)).state is WishState.PUBLISHED


async def test_withdrawing_the_consent_hands_over_too(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.PUBLISHED)
    held = await put_wish(people._replace(wisher=people.stranger, claimer=people.wisher), WishState.CLAIMED)
    claimed = await put_wish(people, WishState.CLAIMED)
    await people.claimer.get(f"/wishes/{claimed}/contact")
    await people.wisher.delete("/me/consents/volunteer_terms")
    assert (await Wish.get(id=wish_id)).handed_to_staff_at is None
    await people.wisher.delete("/me/consents/privacy")
    assert (await Wish.get(id=wish_id)).handed_to_staff_at is not None
    assert (await Wish.get(id=held)).state is WishState.PUBLISHED
    # Nor does the claimer read any longer where they live.
    problem = await people.claimer.refused("GET", f"/wishes/{claimed}/contact", code="not_allowed")
    assert "社区" in problem["detail"]
    await people.staff.get(f"/wishes/{claimed}/contact")


async def test_whoever_no_longer_looks_after_somebody_no_longer_speaks_for_them(api: Api) -> None:
    people = await create_people(api)
    mother = await add_dependant(
        people.wisher.person_id,
        real_name="李桂芳",
        relation=Relation.PARENT,
        birth_date=None,
        phone="13811112222",
        guardian_consents=True,
    )
    wish_id = await put_wish(people, WishState.CLAIMED, beneficiary_id=mother.person_id)
    assert (await people.wisher.get(f"/wishes/{wish_id}/contact"))["phone"] == "13811112222"
    await people.wisher.delete(f"/me/dependants/{mother.person_id}", expect=204)
    await people.wisher.refused("GET", f"/wishes/{wish_id}/contact", code="not_allowed")
    await people.wisher.refused("POST", f"/wishes/{wish_id}/withdraw", code="not_allowed")
    # Nor do staff speak for one who no longer agrees to that; what was agreed to is brought to its end.
    await report(people.claimer, wish_id)
    await people.staff.post(f"/staff/wishes/{wish_id}/confirm", {"note": "已收到"})
    returned = await put_wish(
        people, WishState.RETURNED, beneficiary_id=mother.person_id, handed_to_staff_at=people.community.created_at
    )
    await people.staff.refused("POST", f"/wishes/{returned}/submit", code="consent_needed")


async def test_the_one_who_wrote_for_another_is_blocked(api: Api) -> None:
    people = await create_people(api)
    manager = await create_staff(api, people.community, RoleKind.MANAGER)
    elder = await create_person(PersonOrigin.WALK_IN, real_name="赵大爷", community_id=people.community.id)
    await record_consent(elder.id, ConsentKind.ON_BEHALF, "1", given_by_id=people.wisher.person_id)
    wish_id = await put_wish(people, WishState.RETURNED, beneficiary_id=elder.id)
    await manager.post(f"/staff/persons/{people.wisher.person_id}/block", {"reason": "abuse"})
    await people.staff.post(f"/wishes/{wish_id}/submit")
    assert (await Wish.get(id=wish_id)).state is WishState.SUBMITTED


async def test_a_person_who_is_being_blocked_claims_nothing(api: Api) -> None:
    """Nor does a request that was let in just before."""
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.PUBLISHED)
    await Person.filter(id=people.claimer.person_id).update(closed_at=people.community.created_at)
    with pytest.raises(NotAllowed):
        await claim_wish(people.claimer.person_id, wish_id)
    assert await Consent.filter(person_id=people.claimer.person_id).count() == 3
