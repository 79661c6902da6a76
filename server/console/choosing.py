"""Options for the fields of a form that take an id: what there is to choose from, read through the API."""

from collections.abc import Awaitable, Callable, Mapping

from server.console.forms import Choices
from server.console.visits import Visit

Chooser = Callable[[Visit, Mapping[str, str]], Awaitable[Choices]]
"""Given where the thing is: `area_id`, `venue_id`."""


async def _grids(visit: Visit, place: Mapping[str, str]) -> Choices:
    page = await visit.perform(
        "list_children", {"organization_id": place["area_id"]}, {"level": "grid", "limit": "100"}
    )
    return [(item.id, item.name) for item in page.items]


async def _party_organizations(visit: Visit, place: Mapping[str, str]) -> Choices:
    page = await visit.perform("list_party_organizations", {}, {"host_id": place["area_id"], "limit": "100"})
    return [(item.id, item.name) for item in page.items]


async def _services(visit: Visit, place: Mapping[str, str]) -> Choices:
    venue = await visit.perform("get_venue", {"venue_id": place["venue_id"]})
    return [(service.id, service.name) for service in venue.services]


CHOOSERS: dict[str, Chooser] = {
    "grid_id": _grids,
    "home_organization_id": _party_organizations,
    "service_id": _services,
}


async def choices_for(visit: Visit, names: tuple[str, ...], place: Mapping[str, str]) -> dict[str, Choices]:
    """The options of each of these fields."""
    return {name: await CHOOSERS[name](visit, place) for name in names if name in CHOOSERS}
