"""As large as a city: 2,849 places, two years, three million facts."""

import time
from datetime import datetime
from importlib import resources
from typing import Any

import asyncpg
import pytest

from server.figures.definitions import ALL
from server.figures.models import FigureMonth
from server.figures.months import months_on
from server.foundation import clock
from server.foundation.settings import Settings
from server.organizations.importing import import_organizations
from server.organizations.models import Level, Organization, RoleKind
from tests.builders import create_staff, move_clock_to
from tests.clients import Api
from tests.figures.builders import MARCH, count

NOW = datetime(2031, 3, 15, 12, tzinfo=clock.SHANGHAI)
MONTHS = [months_on(MARCH, -back) for back in range(25)]
_FACTS = (
    "INSERT INTO figure (id, created_at, month, organization_id, parent_id, code, numerator, denominator, excluded) "
    "SELECT gen_random_uuid(), $1, $2, o.id, o.parent_id, c.code, 20 + length(o.name), "
    "40, 0 FROM organization o, unnest($3::text[]) AS c (code)"
)
PAGES = ("", "/series", "/children", "/peers", "/rows")


@pytest.mark.full
async def test_every_page_is_there_at_once(api: Api, settings: Settings, record_property: Any) -> None:
    move_clock_to(NOW)
    await import_organizations(resources.files("server.demo").joinpath("weihai-divisions.csv").read_bytes())
    connection = await asyncpg.connect(settings.database_url)
    try:
        for month in MONTHS:
            await FigureMonth.create(month=month, due_at=NOW, counted_at=NOW, frozen_at=None if month == MARCH else NOW)
            await connection.execute(_FACTS, NOW, month, [each.code for each in ALL])
        await connection.execute("ANALYZE figure")
        facts = await connection.fetchval("SELECT count(*) FROM figure")
    finally:
        await connection.close()
    assert facts == len(MONTHS) * len(ALL) * await Organization.all().count() > 2_900_000
    city = await Organization.get(level=Level.CITY)
    district = await Organization.filter(level=Level.DISTRICT).first()
    street = await Organization.filter(level=Level.SUBDISTRICT).first()
    community = await Organization.filter(level=Level.COMMUNITY).first()
    staff = await create_staff(api, city, RoleKind.MANAGER)
    slow = []
    for place in (city, district, street, community):
        assert place
        for path in PAGES:
            asked: dict[str, Any] = {"organization_id": place.id, "code": "wishes_posted"}
            asked |= {"last_month": "2031-02"} if path == "/series" else {"month": "2031-02"}
            if not path:
                del asked["code"]
            taken = []
            for _ in range(5):
                began = time.perf_counter()
                await staff.get(f"/staff/figures{path}", **asked)
                taken.append(1000 * (time.perf_counter() - began))
            median = sorted(taken)[2]
            print(f"{place.level:12} {path:10} {median:6.1f} ms")  # noqa: T201
            if median >= 50:
                slow.append((place.level, path, median))
    began = time.perf_counter()
    await count()
    print(f"counting a month (of few rows): {time.perf_counter() - began:.2f} s")  # noqa: T201
    assert not slow
