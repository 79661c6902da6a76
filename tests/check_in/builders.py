"""Members, units and posts to test with."""

import itertools
from datetime import date, timedelta
from typing import Any, NamedTuple

from server.accounts.details import save_details
from server.accounts.models import Person
from server.foundation import clock
from server.foundation.audit import AuditEntry
from server.foundation.ids import new_id
from server.organizations.models import Level, Organization, PartyOrganization, RoleKind
from tests.builders import agree, create_organization, create_person, create_staff, give_phone, sign_in
from tests.clients import Api

_phones = itertools.count(13700000000)


async def create_member(api: Api, community: Organization | None = None) -> Api:
    """A person who agreed that we keep their membership, signed in; not checked in yet."""
    person: Person = await create_person(community=community)
    await agree(person.id)
    await save_details(person.id, real_name="王小明", phone=f"139{abs(hash(person.id)) % 10**8:08d}")
    return await sign_in(api, person)


async def create_known_person(api: Api, real_name: str = "李敏", phone: str = "") -> tuple[Api, str]:
    """Somebody signed in whose name is known and whose phone is verified; and that phone."""
    phone = phone or str(next(_phones))
    person = await create_person()
    await save_details(person.id, real_name=real_name)
    await give_phone(person.id, phone)
    return await sign_in(api, person), phone


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


async def create_checked_in(api: Api, staff: Api, community: Organization, **changes: Any) -> Api:
    """A member whose check-in the staff have confirmed."""
    member = await create_member(api, community)
    check_in = await member.post("/check-ins", application(community, **changes), expect=201)
    await staff.post(f"/staff/check-ins/{check_in['id']}/confirm", {}, expect=200)
    return member


def registration(community: Organization, **changes: Any) -> dict[str, Any]:
    """A valid registration by staff."""
    return {
        "community_id": community.id,
        "real_name": "孙秀兰",
        "phone": str(next(_phones)),
        "kind": "floating",
        "home_text": "某县某镇党委",
        "residence": {"estate": "海悦小区", "building": "2号楼"},
        "member_agreed": True,
    } | changes


async def register(staff: Api, community: Organization, **changes: Any) -> str:
    """A member whom staff registered; the membership's id."""
    return str((await staff.post("/staff/members", registration(community, **changes), expect=201))["membership_id"])


class Unit(NamedTuple):
    """A unit, its Party organization, and its liaison."""

    organization: Organization
    party: PartyOrganization
    liaison: Api

    @property
    def id(self) -> str:
        return self.organization.id


async def create_unit(api: Api, name: str = "市教育局") -> Unit:
    organization = await create_organization(Level.UNIT, name=name)
    party_id = new_id()
    party = await PartyOrganization.create(id=party_id, name=f"{name}机关党委", host=organization, path=party_id)
    return Unit(organization, party, await create_staff(api, organization, RoleKind.LIAISON))


def unit_application(unit: Unit, **changes: Any) -> dict[str, Any]:
    """What a unit tells, without where."""
    return {
        "unit_kind": "agency",
        "party_organization_id": unit.party.id,
        "member_count": 86,
        "contact": {"name": "周联络", "phone": "0631-5201234"},
        "offers": ["会议室周末开放", "政策宣讲员 3 名"],
    } | changes


async def apply_for_unit(unit: Unit, area: Organization, **changes: Any) -> str:
    """An application of the unit's; its id."""
    body = unit_application(unit, unit_id=unit.id, area_id=area.id, **changes)
    return str((await unit.liaison.post("/unit-check-ins", body, expect=201))["id"])


def today(days: int = 0) -> str:
    return (clock.shanghai(clock.now()).date() + timedelta(days=days)).isoformat()


async def create_pair(unit: Unit, staff: Api, area: Organization) -> str:
    """A unit and a place that are a pair from today on; the unit check-in's id."""
    unit_check_in = await apply_for_unit(unit, area)
    body = {"starts_on": today(), "ends_on": None}
    await staff.post(f"/staff/unit-check-ins/{unit_check_in}/accept", body, expect=200)
    return unit_check_in


def post_words(community: Organization, **changes: Any) -> dict[str, Any]:
    """A valid post."""
    return {
        "community_id": community.id,
        "title": "楼道监督员",
        "category": "community_supervision",
        "duties": "每周巡查一次楼道，发现问题及时上报。",
        "places": 1,
        "term_starts_on": str(date(2026, 1, 1)),
    } | changes


async def create_post(staff: Api, community: Organization, places: int = 1, **changes: Any) -> str:
    """An open post; its id."""
    post = await staff.post("/staff/posts", post_words(community, places=places, **changes), expect=201)
    post_id: str = post["id"]
    return post_id


async def create_holder(staff: Api, member: Api, post: str) -> str:
    """The member holds the post; the holding's id."""
    holding = (await member.post(f"/posts/{post}/apply", expect=201))["id"]
    await staff.post(f"/staff/post-holdings/{holding}/approve", expect=200)
    return str(holding)


async def audited(action: str, **values: Any) -> bool:
    """Whether the audit log has such an entry."""
    return await AuditEntry.exists(action=action, **values)
