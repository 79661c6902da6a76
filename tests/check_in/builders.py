"""Members and posts to test with."""

from datetime import date
from typing import Any

from server import clock
from server.accounts.details import save_details
from server.accounts.models import Consent, ConsentKind, Person
from server.organizations.models import Organization
from tests.builders import create_person, sign_in
from tests.clients import Api


async def create_member(api: Api, community: Organization | None = None, real_name: str = "王小明") -> Api:
    """A person who agreed that we keep their membership, signed in; not checked in yet."""
    person: Person = await create_person(community=community)
    await Consent.create(person=person, kind=ConsentKind.MEMBERSHIP_DATA, text_version="1", given_at=clock.now())
    await save_details(person.id, real_name=real_name, phone=f"139{abs(hash(person.id)) % 10**8:08d}")
    return await sign_in(api, person)


def application(community: Organization, **changes: Any) -> dict[str, Any]:
    """A valid application for a check-in."""
    return {
        "community_id": community.id,
        "home_text": "市教育局机关党委第二支部",
        "residence": {"estate": "阳光花园", "building": "3号楼"},
        "skills": ["书法"],
        "willing": ["环境整治"],
        "free_times": ["周末"],
    } | changes


async def create_checked_in(api: Api, staff: Api, community: Organization) -> Api:
    """A member whose check-in the staff have confirmed."""
    member = await create_member(api, community)
    check_in = await member.post("/check-ins", application(community), expect=201)
    await staff.post(f"/staff/check-ins/{check_in['id']}/confirm", {}, expect=204)
    return member


async def create_post(staff: Api, community: Organization, places: int = 1) -> str:
    """An open post; its id."""
    post = await staff.post(
        "/staff/posts",
        {
            "community_id": community.id,
            "title": "楼道监督员",
            "category": "community_supervision",
            "duties": "每周巡查一次楼道，发现问题及时上报。",
            "places": places,
            "term_starts_on": str(date(2026, 1, 1)),
        },
        expect=201,
    )
    post_id: str = post["id"]
    return post_id
