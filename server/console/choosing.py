"""Options for the fields of a form that take an id: what there is to choose from, read through the API."""

from collections.abc import Awaitable, Callable, Mapping

from server.console.forms import Choices
from server.console.visits import Visit
from server.foundation import clock
from server.organizations.models import Level
from server.service_record.periods import half_year_of

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


async def _handlers(visit: Visit, place: Mapping[str, str]) -> Choices:
    """Who can be given a case: the grids, units and offices here, and this one itself."""
    here = await visit.perform("show_organization", {"organization_id": place["area_id"]})
    page = await visit.perform("list_children", {"organization_id": place["area_id"]}, {"limit": "100"})
    return [(item.id, item.name) for item in (*page.items, here) if item.level is not Level.BUILDING]


async def _categories(visit: Visit, _: Mapping[str, str]) -> Choices:
    found = await visit.perform("list_case_categories")
    return [(category.id, category.name) for category in found if category.standard]


async def _other_cases(visit: Visit, place: Mapping[str, str]) -> Choices:
    """Those of the same place that are not done."""
    query = {"organization_id": place["area_id"], "limit": "100"}
    page = await visit.perform("list_cases_of_area", {}, query)
    return [
        (item.id, f"{item.category_name}：{item.text}（{item.place}）")
        for item in page.items
        if item.holder_name and item.id != place.get("case_id")
    ]


async def _actions(visit: Visit, _: Mapping[str, str]) -> Choices:
    return [(each.action, each.name) for each in await visit.perform("list_audit_actions")]


async def _periods(_visit: Visit, _place: Mapping[str, str]) -> Choices:
    period, found = half_year_of(clock.now()), []
    for _ in range(_PERIODS):
        found.append((period.code, period.words))
        period = period.preceding
    return found


_PERIODS = 6
"""Half-years back."""

CHOOSERS: dict[str, Chooser] = {
    "organization_id": _handlers,
    "category_id": _categories,
    "into_id": _other_cases,
    "action": _actions,
    "period": _periods,
    "grid_id": _grids,
    "home_organization_id": _party_organizations,
    "service_id": _services,
}


async def choices_for(visit: Visit, names: tuple[str, ...], place: Mapping[str, str]) -> dict[str, Choices]:
    """The options of each of these fields."""
    return {name: await CHOOSERS[name](visit, place) for name in names if name in CHOOSERS}
