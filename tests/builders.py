"""What tests start from: organizations, persons, roles and sessions, written straight into the database.

Each `create_x` makes one valid thing with nothing but what the test says about it.
"""

import itertools
from datetime import date, datetime, timedelta

from server.accounts.details import verify_phone
from server.accounts.models import Consent, ConsentKind, Person, PersonOrigin, Registration, WeChatIdentity
from server.accounts.sessions import open_session
from server.foundation import clock
from server.foundation.database import fetch, transaction
from server.foundation.ids import new_id
from server.foundation.settings import DEMO_APPID
from server.organizations.models import Level, Organization, RoleGrant, RoleKind
from tests.clients import Api

_numbers = itertools.count(1)


async def create_organization(
    level: Level = Level.COMMUNITY,
    *,
    parent: Organization | None = None,
    name: str = "",
    code: str = "",
    location: tuple[float, float] | None = None,
) -> Organization:
    """A node below `parent`; without one, a city is made above it where its level needs one."""
    if parent is None and level is not Level.CITY:
        parent = await create_organization(Level.CITY)
    organization_id = new_id()
    return await Organization.create(
        id=organization_id,
        code=code or f"t{next(_numbers)}",
        name=name or f"{level}{next(_numbers)}",
        level=level,
        parent=parent,
        path=f"{parent.path}.{organization_id}" if parent else organization_id,
        location=location,
    )


async def create_community(
    *, name: str = "", parent: Organization | None = None, location: tuple[float, float] | None = None
) -> Organization:
    """A community of its own subdistrict, or of `parent`."""
    if parent is None:
        district = await create_organization(Level.DISTRICT)
        parent = await create_organization(Level.SUBDISTRICT, parent=district)
    return await create_organization(Level.COMMUNITY, parent=parent, name=name, location=location)


async def create_person(
    *,
    community: Organization | None = None,
    nickname: str = "",
    origin: PersonOrigin = PersonOrigin.WECHAT,
    birth_date: date | None = None,
    is_registered: bool = True,
) -> Person:
    """A person who has agreed to the texts on privacy and on sensitive data, and was registered at their community's
    counter; one from WeChat has an openid, `openid-<person id>`."""
    nickname = nickname or f"居民{next(_numbers)}"
    person = await Person.create(
        origin=origin, nickname=nickname, shown_nickname=nickname, community=community, birth_date=birth_date
    )
    if community and is_registered:
        await register(person.id, community)
    await agree(person.id, ConsentKind.PRIVACY)
    await agree(person.id, ConsentKind.SENSITIVE_DATA)
    if origin is PersonOrigin.WECHAT:
        await WeChatIdentity.create(
            person=person, appid=DEMO_APPID, openid=f"openid-{person.id}", signed_in_at=clock.now()
        )
    return person


async def register(person_id: str, organization: Organization) -> None:
    """The person has been at this counter, so that its staff may name them."""
    await Registration.create(person_id=person_id, organization=organization, registered_by_id=new_id())


async def grant(person: Person, organization: Organization, kind: RoleKind = RoleKind.STAFF) -> RoleGrant:
    return await RoleGrant.create(person_id=person.id, organization=organization, kind=kind, granted_at=clock.now())


async def sign_in(api: Api, person: Person) -> Api:
    """The API as this person."""
    session = await open_session(person.id, timedelta(days=30))
    return api.as_(session.token, person.id)


async def create_resident(api: Api, community: Organization, nickname: str = "") -> Api:
    """A new resident of the community, signed in."""
    return await sign_in(api, await create_person(community=community, nickname=nickname))


async def create_staff(api: Api, organization: Organization, kind: RoleKind = RoleKind.STAFF) -> Api:
    """A new person with a role at the organization, signed in."""
    person = await create_person(nickname="工作人员")
    await grant(person, organization, kind)
    return await sign_in(api, person)


async def give_phone(person_id: str, phone: str) -> None:
    """The person's number, as WeChat vouches for it."""
    async with transaction():
        await verify_phone(person_id, phone)


async def told(person: Api | str) -> list[str]:
    """The events that somebody was told of, the latest last."""
    person_id = person if isinstance(person, str) else person.person_id
    rows = await fetch("SELECT event FROM inbox_message WHERE person_id = $1 ORDER BY id", person_id)
    return [row["event"] for row in rows]


async def agree(person_id: str, kind: ConsentKind = ConsentKind.MEMBERSHIP_DATA) -> None:
    """The person's own consent."""
    await Consent.create(person_id=person_id, kind=kind, text_version="1", given_at=clock.now())


def move_clock_to(moment: datetime) -> None:
    """It is this moment now."""
    clock.move_clock(moment - clock.real_now())
