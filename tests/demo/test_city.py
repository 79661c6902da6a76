"""Whom one may sign in as in the demo: everybody whom a deployment has."""

from server.accounts.models import WeChatIdentity
from server.demo.city import PEOPLE, fill_demo_city
from server.organizations.models import Level, RoleGrant, RoleKind


async def test_the_city_has_somebody_for_every_kind_of_staff(app: object) -> None:
    await fill_demo_city()
    people = {who.person_id: who.openid for who in await WeChatIdentity.all()}
    assert set(people.values()) == {person.openid for person in PEOPLE}
    held = {
        people[grant.person_id]: (grant.kind, grant.organization.level)
        for grant in await RoleGrant.all().prefetch_related("organization")
    }
    assert held == {
        "demo-manager": (RoleKind.MANAGER, Level.SUBDISTRICT),
        "demo-staff": (RoleKind.STAFF, Level.COMMUNITY),
        "demo-grid": (RoleKind.GRID_WORKER, Level.GRID),
        "demo-city-manager": (RoleKind.MANAGER, Level.CITY),
        "demo-liaison": (RoleKind.LIAISON, Level.UNIT),
    }
