"""Scheduled sweeps: noted whatever comes of them, tried again when they fail, and every one of them by an index."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from tortoise import Tortoise

from server import worker
from server.background import outbox, relay, retention, sweeps
from server.background.relay import RelayStuck
from server.background.sweeps import SWEEPS, RowsFailed, Sweep, declare_sweeps, due_sweep
from server.check_in.reports.models import PeriodRun, RunKind
from server.figures.models import FigureMonth
from server.figures.months import this_month
from server.foundation import clock
from server.foundation.database import execute, fetch, fetch_one, undone
from server.foundation.settings import Settings
from server.service_record.periods import half_year_of, month_of
from server.worker import run_sweep, run_sweep_regularly
from tests.plans import listening, read_by


async def note_of(name: str) -> dict[str, Any]:
    row = await fetch_one("SELECT * FROM job_run WHERE name = $1", name)
    assert row
    return dict(row)


async def nothing() -> int:
    return 0


async def no_lag() -> float:
    return 0.0


def sweep(run: Callable[[], Awaitable[int]], name: str = "tested", every: timedelta = timedelta(minutes=1)) -> Sweep:
    return Sweep(name, every, run, no_lag)


async def test_a_run_is_noted_with_what_it_did(app: object) -> None:
    async def run() -> int:
        return 7

    assert await run_sweep(sweep(run)) == 7
    assert await run_sweep(sweep(run)) == 7
    noted = await note_of("tested")
    assert (noted["done"], noted["error"]) == (7, "")
    assert (noted["runs"], noted["rows"], noted["failures"]) == (2, 14, 0)
    assert noted["every_seconds"] == 60
    assert noted["started_at"] <= noted["finished_at"] <= clock.now()


# A TimeoutError is an OSError, as where the database is away; but not if it is there to note it.
@pytest.mark.parametrize(
    "error", [ZeroDivisionError(), TimeoutError(), asyncpg.DeadlockDetectedError("deadlock detected")]
)
async def test_a_sweep_that_fails_says_so(app: object, error: Exception) -> None:
    async def run() -> int:
        raise error

    with pytest.raises(type(error)):
        await run_sweep(sweep(run))
    noted = await note_of("tested")
    assert (noted["error"], noted["failures"], noted["runs"]) == (type(error).__name__, 1, 1)
    await run_sweep(sweep(nothing))
    assert (await note_of("tested"))["error"] == "", "it is over once it works again"


async def put_due(*kinds: str) -> None:
    """Rows for `sweep_of`, the first one due for the longest time."""
    now = clock.now()
    for number, kind in enumerate(kinds):
        await outbox.enqueue(kind, {}, due_at=now - timedelta(hours=1) + timedelta(seconds=number))


async def open_kinds() -> list[str]:
    return [row["kind"] for row in await fetch("SELECT kind FROM outbox WHERE state = 'queued' ORDER BY due_at")]


def sweep_of(do: Callable[[Any], Awaitable[int | None]], **options: Any) -> Sweep:
    where = "state = 'queued'"
    every = timedelta(minutes=1)
    return due_sweep("tested", every, rows="outbox", where=where, due="due_at", columns="kind", do=do, **options)


async def finish(row: Any) -> None:
    await execute("UPDATE outbox SET state = 'done', finished_at = $2 WHERE id = $1", row["id"], clock.now())


async def test_rows_that_cannot_be_done_are_passed_over(app: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many: the oldest come first each time, and would fill every batch."""
    broken, due = [f"broken{number}" for number in range(5)], [f"row{number}" for number in range(7)]
    await put_due(*broken, *due)
    tried: list[str] = []

    async def do(row: Any) -> None:
        tried.append(row["kind"])
        await finish(row)
        await fetch("SELECT 1 / $1::int", int(row["kind"] not in broken))

    tested = sweep_of(do, batch=3)
    stop, pauses = asyncio.Event(), 0
    monkeypatch.setattr(worker, "_START_WITHIN", 0.0)

    async def pause(stop: asyncio.Event, seconds: float) -> None:
        nonlocal pauses
        pauses += 1
        if pauses == 3:
            stop.set()

    monkeypatch.setattr(worker, "_pause", pause)
    async with asyncio.timeout(5):
        await run_sweep_regularly(tested, stop, asyncio.Semaphore(1))
    assert await open_kinds() == broken, "what had been done to them is undone"
    assert tried == broken + due, "each was tried once"
    noted = await note_of("tested")
    assert noted["error"] == "5 due rows cannot be done: DivisionByZeroError"
    assert noted["rows"] == 7
    assert await tested.lag() > 3500, "they are seen to wait"

    monkeypatch.setattr(sweeps, "TRIED_AGAIN_AFTER", 0.0)
    sweeps.FAILURES.clear()
    for _ in range(2):
        with pytest.raises(RowsFailed):
            await tested.run()
    assert tried[-6:] == broken[:3] * 2, "after a while they are tried again"
    broken.clear()
    assert await tested.run() == 3


async def test_a_deadlock_is_not_the_row_s_fault_and_an_absent_database_nobody_s(app: object) -> None:
    await put_due("one", "two", "three", "four", "five")
    errors = {"two": ZeroDivisionError(), "three": asyncpg.DeadlockDetectedError(), "four": ConnectionResetError()}

    async def do(row: Any) -> None:
        await finish(row)
        if row["kind"] in errors:
            raise errors[row["kind"]]

    with pytest.raises(ConnectionResetError):
        await sweep_of(do).run()
    assert await open_kinds() == ["two", "three", "four", "five"]
    del errors["four"]
    with pytest.raises(RowsFailed) as failed:
        await sweep_of(do).run()
    assert failed.value.done == 2
    assert await open_kinds() == ["two", "three"]
    del errors["three"]
    with pytest.raises(RowsFailed):
        await sweep_of(do).run()
    assert await open_kinds() == ["two"]


async def test_what_others_hold_is_left_to_them_and_the_next_ones_are_done(app: object) -> None:
    await put_due("one", "two", "three")
    inside, through = asyncio.Event(), asyncio.Event()

    async def wait(row: Any) -> None:
        inside.set()
        await through.wait()
        await finish(row)

    first = asyncio.create_task(run_once(sweep_of(wait, batch=1)))
    await inside.wait()
    assert await sweep_of(finish, batch=1).run() == 1
    assert await open_kinds() == ["one", "three"]
    through.set()
    assert await first == 1
    assert await open_kinds() == ["three"]


async def run_once(tested: Sweep) -> int:
    return await tested.run()


async def test_a_row_that_is_not_due_any_more_is_let_be(app: object) -> None:
    await put_due("one", "two")

    async def do(row: Any) -> None:
        await execute("UPDATE outbox SET state = 'done', finished_at = $1", clock.now())

    assert await sweep_of(do).run() == 1


async def test_sweeps_that_never_ran_are_known_too(app: object) -> None:
    await declare_sweeps([sweep(nothing), sweep(nothing, "gone")])
    await run_sweep(sweep(nothing))
    await declare_sweeps([sweep(nothing), sweep(nothing, "new", timedelta(hours=2))])
    rows = {row["name"]: row for row in await fetch("SELECT * FROM job_run")}
    assert sorted(rows) == ["new", "tested"]
    assert rows["new"]["started_at"] is None
    assert rows["new"]["every_seconds"] == 7200
    assert rows["tested"]["runs"] == 1


async def test_a_full_batch_is_followed_at_once_and_a_failure_does_not_end_it(
    app: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_START_WITHIN", 0.0)
    monkeypatch.setattr(worker, "AGAIN_AFTER_FAILURE", 0.01)
    stop, runs = asyncio.Event(), 0

    async def run() -> int:
        nonlocal runs
        runs += 1
        if runs == 2:
            raise ZeroDivisionError
        if runs == 3:
            raise ConnectionResetError
        if runs == 6:
            stop.set()
        return 5

    async with asyncio.timeout(5):
        await run_sweep_regularly(sweep(run, every=timedelta(hours=1)), stop, asyncio.Semaphore(1))
    assert runs == 6


def test_every_sweep_has_a_name_of_its_own() -> None:
    names = [sweep.name for sweep in SWEEPS]
    assert len(set(names)) == len(names)


DONE_TOGETHER = {"old_audit_entries", "periods_open"} | {rule.name for rule in retention.RULES}
"""Sweeps whose rows are done by one statement."""


async def test_every_sweep_does_each_row_for_itself(app: object) -> None:
    for sweep in SWEEPS:
        await sweep.run()
    assert {sweep.name for sweep in SWEEPS} - DONE_TOGETHER <= sweeps.FAILURES.keys()


@pytest.mark.parametrize("sweep", SWEEPS, ids=lambda sweep: sweep.name)
async def test_every_sweep_finds_what_is_due_by_an_index(app: object, sweep: Sweep) -> None:
    """Where little is due, it reads little, however much there is."""
    # Only until its first period has been run does a report look among all rows for where to begin.
    for kind, period in ((RunKind.POST_MONTHS, month_of(clock.now())), (RunKind.REPORTS, half_year_of(clock.now()))):
        await PeriodRun.create(kind=kind, period=period.code, finished_at=clock.now())
    await FigureMonth.create(month=this_month(), due_at=clock.now() + timedelta(hours=1))
    with listening() as asked:
        assert await sweep.run() == 0
        assert await sweep.lag() == 0
    assert asked
    tables = {table for sql, values in asked for table in (await read_by(sql, *values)).tables}
    # What earlier tests left in the indexes would count as read.
    await execute(f"VACUUM {', '.join(tables)}")
    async with undone():
        for table in tables - SMALL:
            await fill_with_what_is_not_due(table)
        for sql, values in asked:
            (await read_by(sql, *values)).check(spare=10)
        # It did not come to what is looked up for each row that is due: that has an index too, where one is wanted.
        await execute("SET LOCAL enable_seqscan = off")
        for sql, values in asked:
            scanned = (await read_by(sql, *values)).scanned - SMALL
            assert not scanned, f"{sql} reads all of {', '.join(scanned)}"


SMALL = {"period_run", "figure_month"}
"""Tables with a few rows a year."""

DUE_BY_STATE = {"announcement": {"sending"}}
"""States that say by themselves that there is work to be done."""

FAR_AHEAD = {
    "uuid": "gen_random_uuid()",
    "timestamp with time zone": "now() + interval '10 years' + n * interval '1 minute'",
    "date": "current_date + 3650 + n",
    "text": "md5(n::text)",
    "character varying": "left(md5(n::text), {length})",
    "ltree": "('n' || n)::ltree",
    "point": "point(n, n)",
    "boolean": "false",
    "jsonb": "'{{}}'",
    "ARRAY": "'{{}}'",
    "bytea": "decode(md5(n::text), 'hex')",
}
"""A value of each type for row `n`; that of a number is `n` itself."""


async def fill_with_what_is_not_due(table: str) -> None:
    """Rows of every state and kind, with all times far ahead or, every other one, no time where there may be none."""
    # Only in the transaction that is rolled back.
    await execute("SET LOCAL session_replication_role = replica")
    for row in await fetch(
        "SELECT conname FROM pg_constraint WHERE conrelid = $1::text::regclass AND contype = 'c'", table
    ):
        await execute(f"ALTER TABLE {table} DROP CONSTRAINT {row['conname']}")
    [model] = [model for model in Tortoise.apps["linli"].values() if model._meta.db_table == table]
    values = {}
    for row in await fetch(
        "SELECT column_name AS name, COALESCE(NULLIF(data_type, 'USER-DEFINED'), udt_name) AS type, "
        "character_maximum_length AS length, is_nullable = 'YES' AS nullable FROM information_schema.columns "
        "WHERE table_schema = 'public' AND table_name = $1 AND is_generated = 'NEVER'",
        table,
    ):
        value = FAR_AHEAD.get(row["type"], "n").format(length=row["length"])
        if words := getattr(model._meta.fields_map[row["name"]], "enum_type", None):
            listed = [f"'{word}'" for word in words if word not in DUE_BY_STATE.get(table, ())]
            values[row["name"]] = f"(ARRAY[{', '.join(listed)}])[1 + n / 2 % {len(listed)}]"
        elif not row["nullable"]:
            values[row["name"]] = value
        elif row["type"] in ("timestamp with time zone", "date"):
            values[row["name"]] = f"CASE n % 2 WHEN 0 THEN {value} END"
    await execute(
        f"INSERT INTO {table} ({', '.join(values)}) SELECT {', '.join(values.values())} "
        "FROM generate_series(1, 3000) AS n"
    )
    await execute(f"ANALYZE {table}")


async def test_a_worker_whose_relay_is_stuck_begins_anew(
    app: object, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On connections made anew."""
    connections: list[str] = []
    endings = iter([RelayStuck(), None])

    @asynccontextmanager
    async def connect(_: Settings) -> AsyncIterator[None]:
        connections.append("made")
        yield
        connections.append("closed")

    async def run_relay(stop: asyncio.Event) -> None:
        if ending := next(endings):
            raise ending
        stop.set()

    monkeypatch.setattr(worker, "connected", connect)
    monkeypatch.setattr(relay, "run_relay", run_relay)
    monkeypatch.setattr(worker, "SWEEPS", [])
    try:
        await worker.run_worker(settings)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().remove_signal_handler(number)
    assert connections == ["made", "closed"] * 2
