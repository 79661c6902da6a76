"""The demo's city: Weihai's real divisions, a few communities filled with life, and the people to sign in as."""

import csv
import io
from datetime import date, timedelta
from importlib import resources

import asyncpg
import msgspec

from server.accounts.details import save_details, verify_phone
from server.accounts.models import Consent, ConsentKind, Person, PersonOrigin, WeChatIdentity
from server.check_in.posts.holding import NewPost, open_post
from server.check_in.posts.models import PostCategory
from server.connections import connected
from server.demo.cases import fill_with_cases
from server.demo.history import fill_history
from server.demo.life import fill_with_life
from server.foundation import clock
from server.foundation.database import execute, fetch, fetch_value, transaction
from server.foundation.dates import day_of, today
from server.foundation.ids import new_id
from server.foundation.schema import migrate
from server.foundation.settings import Settings
from server.neighbor_center.changes.hours import add_opening_rule
from server.neighbor_center.changes.venues import create_service, create_venue
from server.neighbor_center.opening.hours import Hours
from server.neighbor_center.opening.models import RuleDays
from server.neighbor_center.venues.models import ServiceKind, VenueKind
from server.organizations.importing import import_organizations
from server.organizations.models import Organization, PartyOrganization, RoleGrant, RoleKind
from server.wechat.connection import platform
from server.wiring import wire
from server.wishes.models import Wish, WishAudience, WishKind, WishState
from server.wishes.rules import next_escalation

SUBDISTRICT = "371002001"
"""环翠楼街道 of 环翠区: the subdistrict whose first communities are filled."""
FILLED_COMMUNITIES = 3
_CENTER = (122.1130, 37.5035)


class DemoPerson(msgspec.Struct, frozen=True):
    """Somebody to sign in as: the simulator knows the openid, and the phone number belongs to nobody real."""

    openid: str
    nickname: str
    real_name: str
    phone: str
    does: str


PEOPLE = (
    DemoPerson("demo-manager", "街道小陈", "陈建国", "19900000001", "manager 管理员 of the subdistrict"),
    DemoPerson("demo-staff", "社区小林", "林海燕", "19900000002", "staff 社区工作者 of the first community"),
    DemoPerson("demo-grid", "网格老周", "周志强", "19900000003", "grid worker 网格员 of its first grid"),
    DemoPerson("demo-member", "党员王老师", "王敏", "19900000004", "in-service member 在职党员, not checked in yet"),
    DemoPerson("demo-resident", "海边李阿姨", "李秀英", "19900000005", "resident 居民"),
    DemoPerson("demo-volunteer", "志愿者小赵", "赵磊", "19900000006", "resident and volunteer 志愿者"),
    DemoPerson("demo-city-manager", "市里老孙", "孙海涛", "19900000007", "manager 管理员 of the whole city"),
    DemoPerson("demo-liaison", "教育局小杨", "杨帆", "19900000008", "liaison 联络员 of a unit"),
)


async def prepare_demo(settings: Settings) -> None:
    """Migrate, and fill the city where it is empty."""
    wire()
    await migrate(settings)
    async with connected(settings):
        if not await WeChatIdentity.exists(openid=PEOPLE[0].openid):
            await fill_demo_city()
            await fill_past()


async def fill_past() -> None:
    """A year behind the communities that are filled."""
    rows = await fetch(
        "SELECT c.id FROM organization c JOIN organization s ON s.id = c.parent_id "
        "WHERE s.code = $1 AND c.level = 'community' ORDER BY c.code LIMIT $2",
        SUBDISTRICT,
        FILLED_COMMUNITIES,
    )
    staff = await WeChatIdentity.get(openid="demo-staff")
    await fill_history([row["id"] for row in rows], staff.person_id)


async def fill_demo_city() -> None:
    """Weihai, and life in a few of its communities. The database has no city yet, or the same one."""
    communities = await _import_city()
    # One transaction: a start that is cut short leaves nothing half filled. (The import can be repeated.)
    async with transaction():
        await _fill_communities(communities)


def sign_in_help(settings: Settings) -> str:
    """How to sign in as whom, for the terminal."""
    simulator = settings.wechat_base
    people = "\n".join(f"    {person.openid:<18} {person.nickname}: {person.does}" for person in PEOPLE)
    return (
        "Sign in as one of these (the simulator hands out the login code, the server a token):\n"
        f"{people}\n"
        "    curl -s -X POST -H 'content-type: application/json' -d '{}' "
        f"{simulator}/admin/persons/demo-staff/login-code\n"
        "    curl -s -X POST -H 'content-type: application/json' -d '{\"code\": \"…\"}' "
        f"{settings.public_base}/api/v1/sessions"
    )


async def _import_city() -> list[asyncpg.Record]:
    """The divisions, and grids and buildings for the communities that are filled; those communities."""
    divisions = resources.files("server.demo").joinpath("weihai-divisions.csv").read_bytes()
    await import_organizations(divisions)
    rows = await fetch(
        "SELECT c.id, c.code, c.name FROM organization c JOIN organization s ON s.id = c.parent_id "
        "WHERE s.code = $1 AND c.level = 'community' ORDER BY c.code LIMIT $2",
        SUBDISTRICT,
        FILLED_COMMUNITIES,
    )
    await import_organizations(_grids_and_buildings([(row["code"], row["name"]) for row in rows]))
    for number, row in enumerate(rows):
        await execute("UPDATE organization SET location = point($2, $3) WHERE id = $1", row["id"], *_location(number))
    return rows


async def _fill_communities(rows: list[asyncpg.Record]) -> None:
    people = {person.openid: await _create_person(person, rows[0]["id"]) for person in PEOPLE}
    await _grant_roles(people, rows[0]["id"])
    await _create_party_organizations()
    family_medicine = await _create_neighbor_center(people["demo-staff"], rows[0])
    await open_post(
        people["demo-staff"],
        NewPost(
            community_id=rows[0]["id"],
            title="楼道环境监督员",
            category=PostCategory.COMMUNITY_SUPERVISION,
            duties="每周巡查一次楼道和小区环境，发现问题及时上报社区。",
            places=3,
            term_starts_on=today(),
        ),
    )
    await _create_wishes(people["demo-resident"], rows[0]["id"])
    await fill_with_life(people, rows[0]["id"], family_medicine)
    grid_id = await fetch_value(
        "SELECT id FROM organization WHERE parent_id = $1 AND level = 'grid' ORDER BY code LIMIT 1", rows[0]["id"]
    )
    await fill_with_cases(people, rows[0]["id"], grid_id, _location(0))


def _location(community: int) -> tuple[float, float]:
    """Where a community lies that is filled, by its number."""
    return _CENTER[0] + 0.008 * community, _CENTER[1] + 0.004 * community


def _grids_and_buildings(communities: list[tuple[str, str]]) -> bytes:
    """Three grids of four buildings, each where it stands, for each community, and two units, as a file to import."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["code", "name", "level", "parent_code", "longitude", "latitude"])
    for number, (code, _) in enumerate(communities):
        longitude, latitude = _location(number)
        for grid in range(1, 4):
            writer.writerow([f"{code}-{grid}", f"第{'一二三'[grid - 1]}网格", "grid", code, "", ""])
            for building in range(1, 5):
                east, north = round(longitude + 0.0015 * grid, 6), round(latitude + 0.001 * building, 6)
                name = f"{building}号楼"
                writer.writerow([f"{code}-{grid}-{building}", name, "building", f"{code}-{grid}", east, north])
    for number, name in enumerate(("威海市教育局", "威海市立医院"), start=1):
        writer.writerow([f"unit-{number}", name, "unit", "371002", "", ""])
    return text.getvalue().encode()


async def _create_person(demo: DemoPerson, community_id: str) -> str:
    now = clock.now()
    person = await Person.create(
        origin=PersonOrigin.WECHAT,
        nickname=demo.nickname,
        shown_nickname=demo.nickname,
        community_id=community_id,
    )
    await WeChatIdentity.create(person=person, appid=platform().appid, openid=demo.openid, signed_in_at=now)
    await verify_phone(person.id, demo.phone)
    await save_details(person.id, real_name=demo.real_name)
    agreed = [ConsentKind.PRIVACY]
    if demo.openid == "demo-member":
        agreed.append(ConsentKind.MEMBERSHIP_DATA)
    if demo.openid in ("demo-member", "demo-volunteer"):
        agreed.append(ConsentKind.VOLUNTEER_TERMS)
    for kind in agreed:
        await Consent.create(person=person, kind=kind, text_version="1", given_at=now)
    return person.id


async def _grant_roles(people: dict[str, str], community_id: str) -> None:
    community = await Organization.get(id=community_id)
    grid = await Organization.filter(parent_id=community_id, level="grid").order_by("code").first()
    city, unit = await Organization.get(level="city"), await Organization.get(code="unit-1")
    assert grid
    for openid, organization_id, kind in (
        ("demo-manager", community.parent_id, RoleKind.MANAGER),
        ("demo-staff", community.id, RoleKind.STAFF),
        ("demo-grid", grid.id, RoleKind.GRID_WORKER),
        ("demo-city-manager", city.id, RoleKind.MANAGER),
        ("demo-liaison", unit.id, RoleKind.LIAISON),
    ):
        await RoleGrant.create(
            person_id=people[openid], organization_id=organization_id, kind=kind, granted_at=clock.now()
        )


async def _create_party_organizations() -> None:
    """The home organizations of the two units' members."""
    for code, name in (("unit-1", "威海市教育局机关党委"), ("unit-2", "威海市立医院党委")):
        unit = await Organization.get(code=code)
        party_id = new_id()
        await PartyOrganization.create(id=party_id, name=name, host=unit, path=party_id)


async def _create_neighbor_center(staff_id: str, community: asyncpg.Record) -> str:
    """A neighbor center with the policy's five kinds of service, a counter and a room, open daily; the first."""
    services = []
    venue = await create_venue(
        staff_id,
        community["id"],
        {
            "kind": VenueKind.NEIGHBOR_CENTER,
            "name": f"{community['name'].removesuffix('居委会').removesuffix('社区')}邻里中心",
            "address": "统一路 100 号",
            "location": _CENTER,
            "phone": "0631-5200000",
            "opening": "每天 8:30–17:30",
            "facilities": "无障碍通道、饮水、母婴室",
        },
    )
    room = {"longest_minutes": 240, "buffer_minutes": 15, "max_party_size": 20}
    for kind, name, minutes, capacity, terms in (
        (ServiceKind.FAMILY_MEDICINE, "家庭医生咨询", 30, 1, {}),
        (ServiceKind.DAY_CARE, "老年人日间照料", 240, 10, {}),
        (ServiceKind.EARLY_EDUCATION, "亲子早教", 60, 8, {}),
        (ServiceKind.SPORTS, "乒乓球室", 60, 4, {}),
        (ServiceKind.MENDING, "裁缝修补", 30, 2, {}),
        (ServiceKind.COUNTER, "一站式窗口", 15, 1, {}),
        (ServiceKind.ROOM, "议事厅", 30, 20, room),
    ):
        words = {"kind": kind, "name": name, "minutes": minutes, "capacity": capacity}
        service = await create_service(staff_id, venue.id, words | terms)
        await add_opening_rule(
            staff_id,
            service.id,
            Hours(weekdays=list(range(1, 8)), opens="08:30", closes="17:30", days=RuleDays.EVERY_WEEK),
            valid_from=date(2026, 1, 1),
        )
        services.append(service.id)
    return services[0]


async def _create_wishes(author_id: str, community_id: str) -> None:
    """Two wishes that wait on the wall."""
    now = clock.now()
    wished_by = day_of(now) + timedelta(days=30)
    for title, kind, audience, text in (
        ("想要一个小书架", WishKind.THING, WishAudience.CHILD, "孩子爱看书，家里书没地方放，想要一个旧书架。"),
        ("想有人教我用手机挂号", WishKind.SKILL, WishAudience.ELDERLY, "去医院总要麻烦别人，想学会自己在手机上挂号。"),
    ):
        await Wish.create(
            author_id=author_id,
            beneficiary_id=author_id,
            community_id=community_id,
            state=WishState.PUBLISHED,
            kind=kind,
            audience=audience,
            title=title,
            text=text,
            place="统一路附近",
            wished_by=wished_by,
            submitted_at=now,
            published_at=now,
            first_published_at=now,
            escalate_at=next_escalation(wished_by, 0),
        )
