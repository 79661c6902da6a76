"""What is private in a wish, and who sees it when: before a claim, during it, after a release."""

from typing import Any

from server.foundation.audit import AuditEntry
from server.foundation.database import fetch_value
from server.organizations.models import Organization, RoleKind
from server.wishes.contact import seal_contact
from server.wishes.models import Wish, WishState
from tests.builders import create_community, create_staff
from tests.clients import Api
from tests.wishes.builders import content, create_people, put_wish, report

SECRETS = ("王秀英", "13800001111", "2 单元 301", "13700002222", "后门进")


def sealed(address: str, phone: str) -> dict[str, Any]:
    """A wish's private columns."""
    wish = Wish()
    seal_contact(wish, address=address, phone=phone)
    return {"address": wish.address, "phone": wish.phone}


async def contact_of(who: Api, wish_id: str) -> Any:
    return await who.get(f"/wishes/{wish_id}/contact")


async def test_only_the_open_claimer_sees_what_is_private(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.PUBLISHED, **sealed("幸福路 1 号后门进", "13700002222"))
    path = f"/wishes/{wish_id}/contact"
    for who in (people.claimer, people.stranger):
        await who.refused("GET", path, code="not_allowed")
    await people.claimer.post(f"/wishes/{wish_id}/claim")
    assert await contact_of(people.claimer, wish_id) == {
        "name": "王秀英",
        "phone": "13700002222",
        "address": "幸福路 1 号后门进",
    }
    assert (await people.claimer.get(f"/wishes/{wish_id}"))["may_see_contact"]
    await people.stranger.refused("GET", path, code="not_allowed")
    viewed = await AuditEntry.get(action="view_wish_contact")
    assert (viewed.actor_id, viewed.person_id, viewed.details) == (
        people.claimer.person_id,
        people.wisher.person_id,
        {"viewer": "claimer"},
    )

    await people.claimer.post(f"/wishes/{wish_id}/release", {"reason": "没时间"}, expect=200)
    await people.claimer.refused("GET", path, code="not_allowed")
    assert not (await people.claimer.get(f"/wishes/{wish_id}"))["may_see_contact"]
    await people.stranger.post(f"/wishes/{wish_id}/claim")
    assert (await contact_of(people.stranger, wish_id))["name"] == "王秀英"
    await people.claimer.refused("GET", path, code="not_allowed")


async def test_the_contact_is_gone_once_fulfilled(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.PUBLISHED)
    await people.claimer.post(f"/wishes/{wish_id}/claim")
    await report(people.claimer, wish_id)
    assert (await contact_of(people.claimer, wish_id))["phone"] == "13800001111"
    await people.wisher.post(f"/wishes/{wish_id}/confirm", {"stars": 5})
    await people.claimer.refused("GET", f"/wishes/{wish_id}/contact", code="not_allowed")


async def test_no_answer_of_the_wall_holds_a_secret(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.PUBLISHED, **sealed("幸福路 1 号后门进", "13700002222"))
    answers = [
        await people.stranger.send("GET", path) for path in ("/wishes", f"/wishes/{wish_id}", "/wishes?search=收音机")
    ]
    await people.claimer.post(f"/wishes/{wish_id}/claim")
    answers += [
        await people.stranger.send("GET", f"/wishes/{wish_id}"),
        await people.claimer.send("GET", f"/wishes/{wish_id}"),
        await people.claimer.send("GET", "/wishes/claims"),
        await people.wisher.send("GET", "/me/inbox"),
        await people.staff.send("GET", f"/staff/wishes?organization_id={people.community.id}&state=claimed"),
    ]
    for answer in answers:
        assert answer.is_success, answer.text
        assert not [secret for secret in SECRETS if secret in answer.text]


async def test_private_parts_are_encrypted_at_rest(api: Api) -> None:
    people = await create_people(api)
    wish = await people.wisher.post("/wishes", content(address="幸福路 1 号后门进", phone="13700002222"))
    row = await fetch_value("SELECT w::text FROM wish w WHERE id = $1", wish["id"])
    assert "13700002222" not in row
    assert "后门进".encode().hex() not in row


async def test_staff_of_the_subtree_see_it_and_others_do_not(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.SUBMITTED)
    neighbour = await create_staff(api, await create_community())
    parent = await fetch_value("SELECT parent_id FROM organization WHERE id = $1", people.community.id)
    above = await create_staff(api, await Organization.get(id=parent))
    observer = await create_staff(api, people.community, RoleKind.OBSERVER)
    for who in (people.staff, above):
        assert (await who.get(f"/wishes/{wish_id}"))["actors"] == ["resident", "staff"]
        assert (await contact_of(who, wish_id))["name"] == "王秀英"
    assert (await observer.get(f"/wishes/{wish_id}"))["actions"] == []
    await observer.refused("GET", f"/wishes/{wish_id}/contact", code="not_found")
    await observer.refused("POST", f"/staff/wishes/{wish_id}/publish", {"version": 1}, code="not_found")
    for who in (neighbour, people.stranger):
        await who.refused("GET", f"/wishes/{wish_id}", code="not_found")
        await who.refused("GET", f"/wishes/{wish_id}/contact", code="not_found")
    await neighbour.refused("POST", f"/staff/wishes/{wish_id}/publish", {"version": 1}, code="not_found")
    path = f"/staff/wishes/review?organization_id={people.community.id}"
    await neighbour.refused("GET", path, code="not_allowed")
    await people.wisher.refused("GET", path, code="not_allowed")
    assert len((await above.get("/staff/wishes/review", organization_id=parent))["items"]) == 1


async def test_drafts_are_the_wishers_alone(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.DRAFT)
    assert (await people.wisher.get(f"/wishes/{wish_id}"))["state"] == "draft"
    for who in (people.staff, people.stranger):
        await who.refused("GET", f"/wishes/{wish_id}", code="not_found")
    path = f"/staff/wishes?organization_id={people.community.id}&state=draft"
    await people.staff.refused("GET", path, code="invalid_fields")


async def test_which_states_are_public(api: Api) -> None:
    people = await create_people(api)
    for state in WishState:
        wish_id = await put_wish(people, state)
        response = await people.stranger.send("GET", f"/wishes/{wish_id}")
        public = state in ("published", "claimed", "reported", "fulfilled")
        assert response.status_code == (200 if public else 404), state
        if public:
            assert response.json()["claim"] is None, "who fulfils it is between them"


async def test_a_past_claimer_does_not_read_what_was_written_since(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.PUBLISHED)
    await people.claimer.post(f"/wishes/{wish_id}/claim")
    await people.claimer.post(f"/wishes/{wish_id}/release", {"reason": "没时间"}, expect=200)
    await people.wisher.put(f"/wishes/{wish_id}", content(title="还没有人看过的话", version=1))
    past = (await people.claimer.get("/wishes/claims"))["items"][0]["wish"]
    assert past["title"] == "（心愿已不再公开）"


async def test_the_rating_is_between_those_concerned(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.FULFILLED, claim={"rating": 5})
    assert (await people.claimer.get(f"/wishes/{wish_id}"))["claim"]["rating"]["stars"] == 5
    assert (await people.stranger.get(f"/wishes/{wish_id}"))["claim"] is None
