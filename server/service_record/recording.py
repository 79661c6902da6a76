"""Writing the ledger: what a person did, once for each source, and what turns out not to count."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import NamedTuple

from server.foundation import clock
from server.foundation.database import execute, fetch_one, fetch_value, transaction
from server.foundation.errors import NotFound, Refusal
from server.foundation.ids import new_id
from server.service_record.models import ServiceEntry, ServiceRule
from server.service_record.rules import DEFAULT_RULES, VALID_FROM, day_and_month, points_for


class Belonging(NamedTuple):
    """For whom a person serves at a time: the grid they live in, the unit they work for."""

    grid_id: str | None = None
    unit_id: str | None = None


BELONGING: list[Callable[[str], Awaitable[Belonging]]] = []
"""Who tells a person's grid and unit; the first that knows one decides. Filled by wiring.py."""


class AlreadyReversed(Refusal):
    code, title, status = "already_reversed", "该记录已被冲正", 409


async def record_service(
    person_id: str,
    *,
    rule: str,
    source: tuple[str, str],
    minutes: int = 0,
    occurred_at: datetime,
    organization_id: str | None = None,
    note_code: str = "",
    words: str = "",
) -> ServiceEntry:
    """Write down, in the caller's transaction, that the person did this; once for each (rule, source, person).

    `source` is (kind, id) of what it comes from, `organization_id` the community it was done for, `words` what staff
    wrote of a action that has no other source. Points follow from the rule's version in force now. Recorded before, the
    first entry is given back unchanged. Raises LookupError for a rule that does not exist.
    """
    if minutes < 0:
        raise ValueError("minutes cannot be negative: what does not count is reversed")
    async with transaction():
        current = await current_rule(rule)
        points = points_for(minutes, current.points_per_event, current.points_per_hour)
        if current.daily_cap is not None or current.monthly_cap is not None:
            points = await _within_caps(person_id, current, occurred_at, points)
        belonging = await _belonging(person_id)
        entry_id = await fetch_value(
            "INSERT INTO service_entry (id, created_at, person_id, rule, rule_version, source_kind, source_id, "
            "minutes, points, occurred_at, organization_id, grid_id, unit_id, note_code, words) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) "
            "ON CONFLICT (source_kind, source_id, rule, person_id) WHERE reversal_of_id IS NULL DO NOTHING "
            "RETURNING id",
            new_id(),
            clock.now(),
            person_id,
            rule,
            current.version,
            *source,
            minutes,
            points,
            occurred_at,
            organization_id,
            belonging.grid_id,
            belonging.unit_id,
            note_code,
            words,
        )
        if entry_id is None:
            return await _entry(person_id, rule, source)
        return await ServiceEntry.get(id=entry_id)


async def reverse_service(person_id: str, *, rule: str, source: tuple[str, str], reason: str) -> ServiceEntry:
    """What was recorded for this source does not count: see reverse_entry. Raises NotFound when nothing was."""
    async with transaction():
        return await reverse_entry((await _entry(person_id, rule, source)).id, reason)


async def reverse_entry(entry_id: str, reason: str, words: str = "") -> ServiceEntry:
    """Add the opposite of an entry; `reason` is a short code, `words` what staff wrote of it.

    Raises NotFound, or AlreadyReversed the second time.

    The reversal carries the time of the action, so that sums over a period of actions come out right.
    """
    async with transaction():
        entry = await ServiceEntry.get_or_none(id=entry_id)
        if entry is None:
            raise NotFound()
        if entry.reversal_of_id is not None:
            raise AlreadyReversed("冲正记录不能再冲正")
        async with transaction(service_entry_reversal=AlreadyReversed):
            return await ServiceEntry.create(
                person_id=entry.person_id,
                rule=entry.rule,
                rule_version=entry.rule_version,
                source_kind=entry.source_kind,
                source_id=entry.source_id,
                minutes=-entry.minutes,
                points=-entry.points,
                occurred_at=entry.occurred_at,
                organization_id=entry.organization_id,
                grid_id=entry.grid_id,
                unit_id=entry.unit_id,
                note_code=reason,
                words=words,
                reversal_of_id=entry.id,
            )


async def current_rule(code: str) -> ServiceRule:
    """The version of a rule that is in force now. Raises LookupError."""
    found = await _find_rule(code)
    if found is None:
        await ensure_default_rules()
        found = await _find_rule(code)
    if found is None:
        raise LookupError(f"no service rule {code}")
    return found


async def ensure_default_rules() -> None:
    """Store the default rules that the database does not have yet; harmless to repeat, also at the same time."""
    await execute(
        "INSERT INTO service_rule (id, created_at, code, version, name, points_per_event, points_per_hour, valid_from) "
        "SELECT r.id, $1, r.code, 1, r.name, r.per_event, r.per_hour, $2 FROM unnest($3::uuid[], $4::text[], "
        "$5::text[], $6::int[], $7::int[]) AS r (id, code, name, per_event, per_hour) "
        "ON CONFLICT (code, version) DO NOTHING",
        clock.now(),
        VALID_FROM,
        [new_id() for _ in DEFAULT_RULES],
        [default.code for default in DEFAULT_RULES],
        [default.name for default in DEFAULT_RULES],
        [default.points_per_event for default in DEFAULT_RULES],
        [default.points_per_hour for default in DEFAULT_RULES],
    )


async def move_service_record(from_id: str, into_id: str) -> None:
    """After two persons turned out to be one: their entries together, but the same action only once."""
    # The guard lets an entry change hands only where this is said, for this transaction.
    await execute("SELECT set_config('linli.merge', 'on', true)")
    await execute(
        "UPDATE service_entry SET person_id = $2 WHERE person_id = $1 AND NOT EXISTS (SELECT 1 FROM service_entry own "
        "WHERE own.person_id = $2 AND own.rule = service_entry.rule AND own.source_kind = service_entry.source_kind "
        "AND own.source_id = service_entry.source_id)",
        from_id,
        into_id,
    )
    await execute("SELECT set_config('linli.merge', 'off', true)")
    await execute(
        "UPDATE ranking_place SET person_id = $2 WHERE person_id = $1 "
        "AND NOT EXISTS (SELECT 1 FROM ranking_place own WHERE own.person_id = $2)",
        from_id,
        into_id,
    )


async def _find_rule(code: str) -> ServiceRule | None:
    return await ServiceRule.filter(code=code, valid_from__lte=clock.now()).order_by("-version").first()


async def _entry(person_id: str, rule: str, source: tuple[str, str]) -> ServiceEntry:
    entry = await ServiceEntry.get_or_none(
        person_id=person_id, rule=rule, source_kind=source[0], source_id=source[1], reversal_of_id=None
    )
    if entry is None:
        raise NotFound()
    return entry


async def _belonging(person_id: str) -> Belonging:
    grid_id = unit_id = None
    for tell in BELONGING:
        told = await tell(person_id)
        grid_id, unit_id = grid_id or told.grid_id, unit_id or told.unit_id
        if grid_id and unit_id:
            break
    return Belonging(grid_id, unit_id)


async def _within_caps(person_id: str, rule: ServiceRule, occurred_at: datetime, points: int) -> int:
    """What of `points` the caps of the day and the month of the action leave."""
    # Two actions of one person at the same time would each see the whole room below the cap: one person at a time.
    await execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 3))", person_id)
    day, day_end, month, month_end = day_and_month(occurred_at)
    row = await fetch_one(
        "SELECT COALESCE(sum(points) FILTER (WHERE occurred_at >= $3 AND occurred_at < $4), 0) AS today, "
        "COALESCE(sum(points), 0) AS this_month FROM service_entry "
        "WHERE person_id = $1 AND rule = $2 AND occurred_at >= $5 AND occurred_at < $6",
        person_id,
        rule.code,
        day,
        day_end,
        month,
        month_end,
    )
    assert row
    for cap, had in ((rule.daily_cap, row["today"]), (rule.monthly_cap, row["this_month"])):
        if cap is not None:
            points = max(0, min(points, cap - had))
    return points
