"""The ranking of service in a grid, a community or a unit: of those who want to be shown, members and others alike.

Nothing in it can tell that somebody is a Party member. Only what everybody may do counts (rules.RULES_FOR_MEMBERS do
not); whom a ranking shows follows from what people said of themselves, never from a check-in or a home organization;
and all of a person's service of the period counts, wherever it was done.
"""

from contextlib import suppress
from typing import Annotated

import msgspec

from server.accounts.consents import end_consent, record_own_consent
from server.accounts.models import ConsentKind
from server.accounts.queries import describe_persons, has_consent
from server.foundation import clock
from server.foundation.database import execute, fetch, fetch_one, transaction
from server.foundation.errors import InvalidFields, NotFound
from server.foundation.ids import Id, new_id
from server.organizations.models import Level
from server.organizations.queries import ancestor_of_level, describe_organizations
from server.service_record.periods import span_of
from server.service_record.recording import Belonging
from server.service_record.rules import RULES_FOR_MEMBERS

SHOWN = 100
"""How many rows a ranking shows at most."""


class RankingQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """`period`: `2026-07`, `2026H2` or `2026`."""

    organization_id: Id
    period: Annotated[str, msgspec.Meta(max_length=7)]
    limit: Annotated[int, msgspec.Meta(ge=1, le=SHOWN)] = 50


class RankingRow(msgspec.Struct):
    rank: int
    nickname: str
    points: int
    minutes: int
    is_me: bool


class Ranking(msgspec.Struct):
    """The first rows, and one's own wherever it stands. Those with equal points stand in the order of getting there."""

    organization_id: Id
    organization_name: str
    period: str
    rows: list[RankingRow]
    me: RankingRow | None


class RankingChoice(msgspec.Struct):
    """Whether a person is shown at all, and in which grid's and unit's ranking besides the community's."""

    is_shown: bool
    grid_id: Id | None
    grid_name: str
    unit_id: Id | None
    unit_name: str


async def show_in_ranking(
    person_id: str, *, text_version: str, grid_id: str | None, unit_id: str | None
) -> RankingChoice:
    """The person agrees to be shown, from now on also for what was before. Raises InvalidFields (another community's
    grid, what is no unit)."""
    if grid_id and not await _is_grid_of(person_id, grid_id):
        raise InvalidFields.of("grid_id", "请选择所在社区的网格")
    if unit_id and await _level_of(unit_id) is not Level.UNIT:
        raise InvalidFields.of("unit_id", "请选择一个单位")
    async with transaction():
        await record_own_consent(person_id, ConsentKind.SHOW_IN_RANKING, text_version)
        await execute(
            "INSERT INTO ranking_place (id, created_at, person_id, grid_id, unit_id) VALUES ($1, $2, $3, $4, $5) "
            "ON CONFLICT (person_id) DO UPDATE SET grid_id = EXCLUDED.grid_id, unit_id = EXCLUDED.unit_id",
            new_id(),
            clock.now(),
            person_id,
            grid_id,
            unit_id,
        )
        return await get_ranking_choice(person_id)


async def leave_ranking(person_id: str) -> None:
    """The person is no longer shown, at once. Nothing happens where they were not."""
    async with transaction():
        with suppress(NotFound):
            await end_consent(person_id, ConsentKind.SHOW_IN_RANKING)
        await forget_places(person_id)


async def forget_places(person_id: str) -> None:
    """The grid and unit that the person named: without consent they are not kept."""
    await execute("DELETE FROM ranking_place WHERE person_id = $1", person_id)


async def get_ranking_choice(person_id: str) -> RankingChoice:
    """What the person chose."""
    shown = await has_consent(person_id, ConsentKind.SHOW_IN_RANKING)
    row = await fetch_one("SELECT grid_id, unit_id FROM ranking_place WHERE person_id = $1", person_id)
    grid_id, unit_id = (row["grid_id"], row["unit_id"]) if row and shown else (None, None)
    names = await describe_organizations([found for found in (grid_id, unit_id) if found])
    return RankingChoice(
        shown, grid_id, names[grid_id]["name"] if grid_id else "", unit_id, names[unit_id]["name"] if unit_id else ""
    )


async def belonging_of(person_id: str) -> Belonging:
    """The grid and unit that the person named, for the stamps of the service record."""
    row = await fetch_one("SELECT grid_id, unit_id FROM ranking_place WHERE person_id = $1", person_id)
    return Belonging(row["grid_id"], row["unit_id"]) if row else Belonging()


async def show_ranking(person_id: str, query: RankingQuery) -> Ranking:
    """The ranking of a grid, community or unit. Raises NotFound for anything else, InvalidFields (period)."""
    since, until = span_of(query.period)
    level = await _level_of(query.organization_id)
    shown, community_id = "p.community_id = $1", query.organization_id
    if level is Level.GRID:
        # Who moved away is no longer shown in the grid that they once named.
        community_id = await ancestor_of_level(query.organization_id, Level.COMMUNITY) or ""
        shown = (
            "p.community_id = $8 AND EXISTS (SELECT 1 FROM ranking_place r WHERE r.grid_id = $1 AND r.person_id = p.id)"
        )
    elif level is Level.UNIT:
        shown = "p.id IN (SELECT r.person_id FROM ranking_place r WHERE r.unit_id = $1)"
    elif level is not Level.COMMUNITY:
        raise NotFound()
    values = [
        query.organization_id,
        since,
        until,
        RULES_FOR_MEMBERS,
        query.limit,
        person_id,
        str(ConsentKind.SHOW_IN_RANKING),
    ]
    if level is Level.GRID:
        values.append(community_id)
    rows = await fetch(
        "SELECT * FROM (SELECT id, points, minutes, row_number() OVER (ORDER BY points DESC, got_there_at, id) AS rank "
        "FROM (SELECT p.id, sum(e.points)::bigint AS points, sum(e.minutes)::bigint AS minutes, "
        # What was reversed is left out with its reversal: so the last action that counts is when they got there.
        "max(e.occurred_at) FILTER (WHERE e.points > 0) AS got_there_at FROM person p "
        "JOIN service_entry e ON e.person_id = p.id AND e.occurred_at >= $2 AND e.occurred_at < $3 "
        f"WHERE {shown} AND p.merged_into_id IS NULL AND p.closed_at IS NULL AND EXISTS (SELECT 1 FROM consent c "
        "WHERE c.person_id = p.id AND c.kind = $7 AND c.withdrawn_at IS NULL) "
        "AND e.rule <> ALL($4::text[]) AND e.reversal_of_id IS NULL "
        "AND NOT EXISTS (SELECT 1 FROM service_entry x WHERE x.reversal_of_id = e.id) "
        "GROUP BY p.id HAVING sum(e.points) > 0) sums) ranked WHERE rank <= $5 OR id = $6 ORDER BY rank",
        *values,
    )
    people = await describe_persons([row["id"] for row in rows])
    standing = [
        RankingRow(row["rank"], people[row["id"]]["nickname"], row["points"], row["minutes"], row["id"] == person_id)
        for row in rows
    ]
    names = await describe_organizations([query.organization_id])
    return Ranking(
        organization_id=query.organization_id,
        organization_name=names[query.organization_id]["name"],
        period=query.period,
        rows=[row for row in standing if row.rank <= query.limit],
        me=next((row for row in standing if row.is_me), None),
    )


async def _level_of(organization_id: str) -> Level | None:
    row = await fetch_one("SELECT level FROM organization WHERE id = $1 AND closed_at IS NULL", organization_id)
    return Level(row["level"]) if row else None


async def _is_grid_of(person_id: str, grid_id: str) -> bool:
    row = await fetch_one("SELECT community_id FROM person WHERE id = $1", person_id)
    if not row or not row["community_id"] or await _level_of(grid_id) is not Level.GRID:
        return False
    community_id: str = row["community_id"]
    return await ancestor_of_level(grid_id, Level.COMMUNITY) == community_id
