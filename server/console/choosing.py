"""Options for the fields of a form that take an id: what there is to choose from, read through the API."""

from collections.abc import Awaitable, Callable

from server.console.forms import Choices
from server.console.visits import Visit

Chooser = Callable[[Visit, str], Awaitable[Choices]]
"""Given where the thing is."""


async def _grids(visit: Visit, area_id: str) -> Choices:
    page = await visit.perform("list_children", {"organization_id": area_id}, {"level": "grid", "limit": "100"})
    return [(item.id, item.name) for item in page.items]


async def _party_organizations(visit: Visit, area_id: str) -> Choices:
    page = await visit.perform("list_party_organizations", {}, {"host_id": area_id, "limit": "100"})
    return [(item.id, item.name) for item in page.items]


async def _services(visit: Visit, venue_id: str) -> Choices:
    venue = await visit.perform("get_venue", {"venue_id": venue_id})
    return [(service.id, service.name) for service in venue.services]


CHOOSERS: dict[str, Chooser] = {
    "grid_id": _grids,
    "home_organization_id": _party_organizations,
    "service_id": _services,
}


async def choices_for(visit: Visit, names: tuple[str, ...], area_id: str) -> dict[str, Choices]:
    """The options of each of these fields."""
    return {name: await CHOOSERS[name](visit, area_id) for name in names if name in CHOOSERS}
