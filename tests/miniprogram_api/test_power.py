"""Who may do what: every route, every kind of caller, and things that are not theirs.

The things are those of the demo's city after its tour. What a caller may be let in to is written in the table beside
this file; whoever is let in elsewhere has power that nobody gave them.
"""

import os
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import msgspec.inspect as kinds
import pytest

from server.foundation.database import undone
from server.organizations.models import Level, Organization, RoleKind
from tests.builders import create_community, create_organization, create_person, grant, sign_in
from tests.clients import Api
from tests.demo.plausible import ROUTES, Attempt, City, play_city
from tests.simulator import Simulator

TABLE = Path(__file__).with_name("power.txt")
LETTERS = "NRVOWMGLowmg"
ELSEWHERE = {
    "O": (RoleKind.OBSERVER, Level.COMMUNITY),
    "W": (RoleKind.STAFF, Level.COMMUNITY),
    "M": (RoleKind.MANAGER, Level.COMMUNITY),
    "G": (RoleKind.GRID_WORKER, Level.GRID),
    "L": (RoleKind.LIAISON, Level.UNIT),
}
HERE = {"o": RoleKind.OBSERVER, "w": RoleKind.STAFF, "m": RoleKind.MANAGER}


class Callers(NamedTuple):
    """By letter: N nobody, R who has just signed in, V who chose the city's community to live in; and with a role
    elsewhere, O observer, W staff, M manager, G grid worker, L liaison; small ones with a role where the things are."""

    place: Organization
    by_letter: dict[str, Api]


async def create_callers(nobody: Api) -> Callers:
    city = await Organization.get(level=Level.CITY)
    district = await create_organization(Level.DISTRICT, parent=city)
    place = await create_community(parent=await create_organization(Level.SUBDISTRICT, parent=district))
    here = await Organization.filter(level=Level.COMMUNITY).order_by("id").first()
    grid = await Organization.filter(level=Level.GRID, parent=here).order_by("id").first()
    assert here
    assert grid
    by_letter = {
        "N": nobody,
        "R": await sign_in(nobody, await create_person()),
        "V": await sign_in(nobody, await create_person(community=here, is_registered=False)),
    }

    async def employ(letter: str, kind: RoleKind, at: Organization) -> None:
        person = await create_person(community=place)
        await grant(person, at, kind)
        by_letter[letter] = await sign_in(nobody, person)

    for letter, (kind, level) in ELSEWHERE.items():
        at = place if level is Level.COMMUNITY else await create_organization(level, parent=place)
        await employ(letter, kind, at)
    for letter, kind in HERE.items():
        await employ(letter, kind, here)
    await employ("g", RoleKind.GRID_WORKER, grid)
    return Callers(place, by_letter)


PLACES = {"organization_id", "organizer_id", "community_id", "area_id", "host_id"}
"""Fields that name an organization for which something is done."""


def with_own_place(value: Any, place: str) -> Any:
    """The same request for the caller's own organization: what else it names stays another's."""
    if isinstance(value, list):
        return [with_own_place(part, place) for part in value]
    if not isinstance(value, dict):
        return value
    return {name: place if name in PLACES and part else with_own_place(part, place) for name, part in value.items()}


def attempts(city: City, callers: Callers, tries: int) -> Iterator[tuple[str, Attempt]]:
    """Every route by every caller whom the table does not let in (and by those who work here, who get somewhere),
    naming things of the city's: all of them, and all but the caller's own place."""
    table = read_table()
    for route in ROUTES:
        for letter, caller in callers.by_letter.items():
            for _ in range(0 if letter in table[route.operation_id].replace("w", "") else tries):
                path = route.path
                for name in route.path_parameters:
                    path = path.replace(f"<{name}>", city.id_for(name) if name.endswith("_id") else "2026H1")
                body = city.plausible(kinds.type_info(route.body_type)) if route.body_type else None
                query = city.plausible(kinds.type_info(route.query_type)) if route.query_type else None
                if query:
                    query.pop("cursor", None)
                if city.draw.random() < 0.5:
                    body, query = (with_own_place(each, callers.place.id) for each in (body, query))
                yield letter, Attempt(route, caller, path, query, body)


@pytest.fixture
async def city(app: Any, api: Api, simulator: Simulator) -> City:
    return await play_city(app, api, simulator)


async def let_in(city: City, callers: Callers, tries: int) -> dict[str, set[str]]:
    """operation → the letters of those to whom a thing of others was shown, or who changed one."""
    found: dict[str, set[str]] = {route.operation_id: set() for route in ROUTES}
    for letter, attempt in attempts(city, callers, tries):
        # What only reads may take a snapshot, which is no part of a transaction.
        async with nullcontext() if attempt.route.method == "GET" else undone():
            answer = await attempt.send()
        assert answer.status_code < 500, (attempt.route.operation_id, attempt.path, attempt.body, answer.text)
        if answer.status_code < 300:
            found[attempt.route.operation_id].add(letter)
    return found


def read_table() -> dict[str, str]:
    rows = (line.split() for line in TABLE.read_text().splitlines() if line and line[0] != "#")
    return {operation: letters.strip("-") for operation, letters in rows}


def test_every_route_has_its_row() -> None:
    table = read_table()
    assert set(table) == {route.operation_id for route in ROUTES}, f"say in {TABLE.name} who may do it"
    assert list(table) == sorted(table)
    for letters in table.values():
        assert set(letters) <= set(LETTERS)


@pytest.mark.timeout(1200)
async def test_nobody_is_let_in_where_the_table_does_not_say_so(city: City) -> None:
    table = read_table()
    found = await let_in(
        city, await create_callers(city.callers[0].as_("")), 8 if os.environ.get("LINLI_FULL_TESTS") else 1
    )
    too_much = {name: letters - set(table[name]) for name, letters in found.items()}
    assert {name: letters for name, letters in too_much.items() if letters} == {}
    # Those who work here get somewhere, or this would show nothing.
    assert sum("w" in letters for letters in found.values()) > 100
