"""Staff find somebody's wishes by name."""

from typing import Any

from server.accounts.details import save_details
from server.foundation.audit import AuditEntry
from server.organizations.models import RoleKind
from server.wishes.models import WishState
from tests.builders import create_staff
from tests.clients import Api
from tests.wishes.builders import People, create_people, put_persons, put_wish


async def find(people: People, name: str, by: Api | None = None) -> Any:
    body = {"organization_id": people.community.id, "real_name": name}
    return await (by or people.staff).post("/staff/wishes/find", body)


async def test_by_whom_or_for_whom(api: Api) -> None:
    people, others = await create_people(api), await create_people(api)
    [mother] = await put_persons(api, people.community, "妈妈")
    await save_details(mother.person_id, real_name="阿依古丽·买买提")
    await put_wish(people, WishState.DRAFT, submitted_at=None)
    mine = await put_wish(people, WishState.FULFILLED)
    hers = await put_wish(people, WishState.PUBLISHED, beneficiary_id=mother.person_id)
    await put_wish(others, WishState.PUBLISHED)
    bystanders = await put_wish(
        people, WishState.PUBLISHED, author_id=people.stranger.person_id, beneficiary_id=people.stranger.person_id
    )
    found = await find(people, "王 秀英")
    assert [item["id"] for item in found["items"]] == [hers, mine], "the latest first, no drafts, no other community's"
    assert [(item["state"], item["beneficiary_name"]) for item in found["items"]] == [
        ("published", "阿*******"),
        ("fulfilled", "王**"),
    ]
    assert [item["id"] for item in (await find(people, "阿依古丽•买买提"))["items"]] == [hers]
    assert bystanders
    seen = await AuditEntry.filter(action="find_wishes", actor_id=people.staff.person_id)
    assert {entry.person_id for entry in seen} == {people.wisher.person_id, mother.person_id}
    assert {entry.organization_id for entry in seen} == {people.community.id}
    assert await find(people, "王秀") == {"items": [], "has_more": False}
    assert await AuditEntry.exists(action="find_wishes", person_id=None)


async def test_who_may_find(api: Api) -> None:
    people, others = await create_people(api), await create_people(api)
    body = {"organization_id": people.community.id, "real_name": "王秀英"}
    observer = await create_staff(api, people.community, RoleKind.OBSERVER)
    for who in (people.wisher, others.staff, observer):
        await who.refused("POST", "/staff/wishes/find", body, code="not_allowed")
    await people.staff.refused("POST", "/staff/wishes/find", body | {"real_name": " "}, code="invalid_fields")
    assert not await AuditEntry.exists(action="find_wishes")


async def test_of_very_many_the_latest(api: Api) -> None:
    people = await create_people(api)
    ids = [await put_wish(people, WishState.WITHDRAWN) for _ in range(51)]
    found = await find(people, "王秀英")
    assert [item["id"] for item in found["items"]] == ids[:0:-1]
    assert found["has_more"] is True
