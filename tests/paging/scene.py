"""A scene in which there is one of everything that is listed."""

from typing import Any

from server.foundation.database import fetch_value
from server.neighbor_center.venues.models import Service
from server.organizations.models import Level, PartyOrganization, RoleKind
from server.volunteering.models import SignUp
from tests.builders import create_organization, create_staff
from tests.clients import Api
from tests.neighbor_center.builders import set_clock
from tests.paging.lists import PARTY
from tests.pairs.world import create_world


async def create_scene(api: Api) -> dict[str, Any]:
    """Names of callers and of ids."""
    set_clock("08:00")
    world = await create_world(api)
    for name in ("rival books", "rival books the room"):
        answer = await world.acts[name].send(api)
        assert answer.status_code == 201, answer.text
    unit = await create_organization(Level.UNIT)
    party = await PartyOrganization.create(id=PARTY, name="支部", path=PARTY, host=unit)
    service = await Service.exclude(kind="room").get()
    sign_up = await SignUp.get(person_id=world.me.person_id)
    return {
        "staff": world.staff,
        "manager": world.manager,
        "me": world.me,
        "rival": world.rival,
        "bystander": world.bystander,
        "liaison": await create_staff(api, unit, RoleKind.LIAISON),
        "person": world.me.person_id,
        "organization": world.community.id,
        "community": world.community.id,
        "street": world.community.parent_id,
        "below": await fetch_value("SELECT path::text || '.below' FROM organization WHERE id = $1", world.community.id),
        "unit": unit.id,
        "party_organization": party.id,
        "service": service.id,
        "venue": service.venue_id,
        "sign_up": sign_up.id,
        "shift": sign_up.shift_id,
        "post": await fetch_value("SELECT id FROM post"),
        "wish": await fetch_value("SELECT id FROM wish"),
        "membership": await fetch_value("SELECT id FROM membership"),
    }
