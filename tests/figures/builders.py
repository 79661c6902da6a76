"""What figures are counted from, written straight into the database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

import asyncpg

from server.figures.counting import count_month
from server.figures.models import Figure, FigureMonth
from server.foundation import clock
from server.foundation.database import fetch
from server.foundation.ids import new_id
from server.foundation.settings import Settings
from server.organizations.models import Organization
from tests.figures.rows import Row
from tests.paging.rows import insert

MARCH = date(2031, 3, 1)


@asynccontextmanager
async def writing(settings: Settings) -> AsyncIterator[Any]:
    """A connection for which no guard and no foreign key holds."""
    connection = await asyncpg.connect(settings.database_url)
    try:
        await connection.execute("SET session_replication_role = replica")
        yield connection
    finally:
        await connection.close()


async def put_rows(connection: Any, rows: list[Row], **ids: str) -> None:
    """Rows whose `$name` stands for one id each."""
    known = dict(ids)

    def told(value: Any) -> Any:
        if isinstance(value, str) and value.startswith("$"):
            return known.setdefault(value[1:], new_id())
        return value

    for table, values in rows:
        # An earlier row of the table would lend what is not said.
        await insert(connection, table, {name: told(value) for name, value in values.items()})


async def count(month: date = MARCH) -> FigureMonth:
    """Count a month, as the sweep does."""
    known, _ = await FigureMonth.get_or_create(month=month, defaults={"due_at": clock.now()})
    await count_month(known.id)
    return await FigureMonth.get(id=known.id)


async def figures(month: date = MARCH) -> dict[tuple[str, str], tuple[int, int, int]]:
    """All figures of a month: (organization, code) → the two sums and what was left out."""
    rows = await fetch("SELECT * FROM figure WHERE month = $1", month)
    return {(r["organization_id"], r["code"]): (r["numerator"], r["denominator"], r["excluded"]) for r in rows}


async def put_figure(
    organization: Organization, code: str, *sums: int, month: date = MARCH, counted: bool = True
) -> None:
    """A figure as it would have been counted: of so many, of how many, and what was left out."""
    numerator, denominator, excluded = (*sums, 0, 0, 0)[:3]
    await Figure.create(
        month=month,
        organization_id=organization.id,
        parent_id=organization.parent_id,
        code=code,
        numerator=numerator,
        denominator=denominator,
        excluded=excluded,
    )
    if counted:
        await FigureMonth.get_or_create(month=month, defaults={"due_at": clock.now(), "counted_at": clock.now()})
