"""Venues, services and times to test with. Tests here live on Monday, 3 March 2031, 8 o'clock in Shanghai."""

from datetime import date, datetime, timedelta
from typing import Any

from server.accounts.models import Consent, ConsentKind, Dependant, Person, PersonOrigin, Relation
from server.foundation import clock
from server.neighbor_center.opening.models import OpeningRule
from server.neighbor_center.venues.models import Service, ServiceKind, Venue, VenueKind
from server.organizations.models import Organization
from tests.builders import create_person, move_clock_to
from tests.clients import Api

MONDAY = date(2031, 3, 3)
TUESDAY = MONDAY + timedelta(days=1)


def at(wall_clock: str, day: date = TUESDAY) -> str:
    """A wall-clock time in Shanghai as the API takes it."""
    return f"{day}T{wall_clock}:00+08:00"


def moment(wall_clock: str, day: date = TUESDAY) -> datetime:
    return datetime.fromisoformat(at(wall_clock, day))


def set_clock(wall_clock: str, day: date = MONDAY) -> None:
    """It is that time now."""
    move_clock_to(moment(wall_clock, day))


async def create_venue(organization: Organization, **columns: Any) -> Venue:
    """An open neighbor center."""
    defaults: dict[str, Any] = {
        "organization": organization,
        "kind": VenueKind.NEIGHBOR_CENTER,
        "name": "阳光邻里中心",
        "address": "和平路 1 号",
        "location": (122.12, 37.51),
        "phone": "0631-5200000",
    }
    return await Venue.create(**(defaults | columns))


async def create_service(
    organization: Organization | None = None,
    venue: Venue | None = None,
    hours: tuple[tuple[int, int], ...] = ((540, 720), (840, 1020)),
    **columns: Any,
) -> Service:
    """Family medicine, every day 9–12 and 14–17 in half hours, one place each."""
    if venue is None:
        assert organization
        venue = await create_venue(organization)
    defaults: dict[str, Any] = {
        "venue": venue,
        "kind": ServiceKind.FAMILY_MEDICINE,
        "name": "家庭医生",
        "minutes": 30,
    }
    service = await Service.create(**(defaults | columns))
    for opens, closes in hours:
        await OpeningRule.create(service=service, weekdays=127, opens=opens, closes=closes, valid_from=date(2031, 1, 1))
    return service


async def create_room(organization: Organization, **columns: Any) -> Service:
    """A meeting room, every day 9–17, half an hour to four hours, with 15 minutes to make it ready."""
    defaults: dict[str, Any] = {
        "kind": ServiceKind.ROOM,
        "name": "议事厅",
        "minutes": 30,
        "longest_minutes": 240,
        "buffer_minutes": 15,
        "capacity": 20,
        "max_party_size": 20,
    }
    return await create_service(organization, hours=((540, 1020),), **(defaults | columns))


async def create_dependant(guardian: Api) -> Person:
    """Somebody whom the guardian looks after."""
    person = await create_person(origin=PersonOrigin.DEPENDANT)
    await Dependant.create(
        guardian_id=guardian.person_id, person=person, relation=Relation.PARENT, accepted_at=clock.now()
    )
    await Consent.create(
        person=person,
        kind=ConsentKind.ON_BEHALF,
        text_version="1",
        given_by_id=guardian.person_id,
        given_at=clock.now(),
    )
    return person


async def book(api: Api, service: Service, wall_clock: str = "09:00", day: date = TUESDAY, **options: Any) -> Any:
    """A booking, as its person gets it."""
    body = {"starts_at": at(wall_clock, day)} | options
    return await api.post(f"/services/{service.id}/bookings", body, expect=201)
