"""The relay itself, with effects of the tests' own: whatever an effect and its Record do, every row ends."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
import structlog

from server.background import outbox, relay
from server.background.outbox import (
    Effect,
    NotBefore,
    OutboxState,
    Priority,
    Record,
    RetryLater,
    about_to_leave,
    enqueue,
    retry_failed,
)
from server.background.relay import (
    EXPIRED_LEASES,
    MAX_ATTEMPTS,
    RelayStuck,
    carry_out,
    claim_rows,
    drain_outbox,
    run_relay,
)
from server.foundation import clock
from server.foundation.database import execute, fetch, fetch_one, fetch_value, transaction
from server.foundation.ids import new_id
from tests.plans import read_by, refresh

KIND = "act"


class Acts:
    """An effect that does what the test says, and what it saw."""

    def __init__(self) -> None:
        self.runs: list[Any] = []
        self.ended: list[OutboxState] = []
        self.run: Callable[[Any], Awaitable[Record | None]] = self._nothing
        self.break_end = False

    async def _nothing(self, payload: Any) -> Record | None:
        return None

    async def _run(self, payload: dict[str, Any]) -> Record | None:
        self.runs.append(payload.get("n"))
        return await self.run(payload)

    async def _end(self, payload: dict[str, Any], state: OutboxState) -> None:
        if self.break_end:
            raise ZeroDivisionError
        self.ended.append(state)

    def install(self, monkeypatch: pytest.MonkeyPatch, *, repeatable: bool) -> None:
        monkeypatch.setitem(outbox.EFFECTS, KIND, Effect(self._run, repeatable=repeatable, ended=self._end))


@pytest.fixture
def acts(app: object, monkeypatch: pytest.MonkeyPatch) -> Acts:
    """Actions that must not be repeated."""
    acts = Acts()
    acts.install(monkeypatch, repeatable=False)
    return acts


@pytest.fixture
def repeatable(app: object, monkeypatch: pytest.MonkeyPatch) -> Acts:
    """Actions that may be."""
    acts = Acts()
    acts.install(monkeypatch, repeatable=True)
    return acts


async def queue(n: int = 0, **options: Any) -> str:
    await enqueue(KIND, {"n": n}, **options)
    row_id: str = await fetch_value("SELECT id FROM outbox ORDER BY id DESC LIMIT 1")
    return row_id


async def state_of(row_id: str) -> tuple[str, str, int]:
    row = await fetch_one("SELECT state, error, attempts FROM outbox WHERE id = $1", row_id)
    assert row
    return row["state"], row["error"], row["attempts"]


async def let_leases_expire() -> None:
    await execute("UPDATE outbox SET lease_until = lease_until - interval '2 hours' WHERE state = 'in_flight'")


def broken_record(error: Exception, times: int = 1_000) -> tuple[Callable[[Any], Awaitable[Record]], list[int]]:
    """An effect that works, whose Record raises the first `times`; and how often it was written."""
    written: list[int] = []

    async def run(payload: Any) -> Record:
        await about_to_leave()

        async def record() -> None:
            nonlocal times
            if times:
                times -= 1
                raise error
            written.append(1)

        return record

    return run, written


async def test_a_deadlock_in_a_record_is_tried_again_at_once(acts: Acts) -> None:
    acts.run, written = broken_record(asyncpg.DeadlockDetectedError("deadlock detected"), times=3)
    row = await queue()
    await drain_outbox()
    assert await state_of(row) == ("done", "", 1)
    assert (acts.runs, written, acts.ended) == ([0], [1], [])


async def test_a_real_deadlock_of_two_records_costs_neither(acts: Acts) -> None:
    """Two records that lock the same two rows in opposite orders: PostgreSQL ends one, which is written again."""
    first, second = await queue(1), await queue(2)
    both = asyncio.Barrier(2)
    written = []

    async def run(payload: dict[str, Any]) -> Record:
        order = [first, second] if payload["n"] == 1 else [second, first]
        tries = 0

        async def record() -> None:
            nonlocal tries
            tries += 1
            await execute("SET LOCAL deadlock_timeout = '20ms'")
            # The row's own lock is held already, by the UPDATE that finishes it.
            if tries == 1:
                async with asyncio.timeout(5):
                    await both.wait()
            await fetch_one("SELECT id FROM outbox WHERE id = $1 FOR UPDATE", order[1])
            written.append(payload["n"])

        return record

    acts.run = run
    await asyncio.gather(*(carry_out(row) for row in await claim_rows(10)))
    assert sorted(written) == [1, 2]
    assert (await state_of(first))[0] == (await state_of(second))[0] == "done"


async def test_what_cannot_be_recorded_and_not_repeated_is_unknown(acts: Acts) -> None:
    acts.run, _ = broken_record(ZeroDivisionError())
    row = await queue()
    await drain_outbox()
    assert await state_of(row) == ("unknown", "record failed: ZeroDivisionError", 1)
    assert acts.ended == ["unknown"]
    clock.move_clock(timedelta(days=1))
    await let_leases_expire()
    await EXPIRED_LEASES.run()
    await drain_outbox()
    assert acts.runs == [0], "never done again"


async def test_a_deadlock_that_never_ends_is_unknown_too(acts: Acts) -> None:
    acts.run, written = broken_record(asyncpg.DeadlockDetectedError("deadlock detected"))
    row = await queue()
    await drain_outbox()
    assert (await state_of(row))[0] == "unknown"
    assert (acts.runs, written) == ([0], [])


async def test_even_a_broken_end_ends_the_row(acts: Acts) -> None:
    acts.run, _ = broken_record(ZeroDivisionError())
    acts.break_end = True
    row = await queue()
    await drain_outbox()
    assert (await state_of(row))[0] == "unknown"


async def test_what_may_be_repeated_is_tried_again_and_given_up_at_last(repeatable: Acts) -> None:
    repeatable.run, written = broken_record(ZeroDivisionError())
    row = await queue()
    for day in range(MAX_ATTEMPTS + 3):
        clock.move_clock(timedelta(days=day))
        await drain_outbox()
        if not day:
            assert await state_of(row) == ("waiting", "record failed: ZeroDivisionError", 1)
    assert (await state_of(row))[0] == "failed"
    assert len(repeatable.runs) == MAX_ATTEMPTS
    assert (repeatable.ended, written) == (["failed"], [])


@pytest.mark.parametrize(("leaves", "state"), [(False, "failed"), (True, "unknown")])
async def test_a_bug_in_an_effect_is_unknown_once_its_call_may_have_left(acts: Acts, leaves: bool, state: str) -> None:
    async def run(payload: Any) -> None:
        if leaves:
            await about_to_leave()
        raise KeyError("nobody's fault")

    acts.run = run
    row = await queue()
    await drain_outbox()
    assert await state_of(row) == (state, "KeyError", 1)
    assert await retry_failed([row]) == ([] if leaves else [{"n": 0}]), "an unknown one is never repeated"


@pytest.mark.parametrize("error", [ConnectionResetError(), asyncpg.DeadlockDetectedError("deadlock detected")])
async def test_a_database_that_fails_before_the_call_only_delays(acts: Acts, error: Exception) -> None:
    async def run(payload: Any) -> None:
        if len(acts.runs) == 1:
            raise error

    acts.run = run
    row = await queue()
    await drain_outbox()
    assert (await state_of(row))[0] == "waiting"
    clock.move_clock(timedelta(minutes=1))
    await drain_outbox()
    assert await state_of(row) == ("done", "", 2)


async def test_a_short_outage_of_the_database_is_waited_for(acts: Acts) -> None:
    acts.run, written = broken_record(ConnectionResetError(), times=1)
    row = await queue()
    await drain_outbox()
    assert (await state_of(row))[0] == "done"
    assert (acts.runs, written) == ([0], [1])


async def test_not_now_is_no_try_and_blocks_nobody(acts: Acts) -> None:
    lane, morning = new_id(), clock.now() + timedelta(hours=8)

    async def run(payload: dict[str, Any]) -> None:
        if payload["n"] == 1 and clock.now() < morning:
            raise NotBefore(morning)

    acts.run = run
    held, other, urgent = await queue(1, lane=lane), await queue(2), await queue(3, lane=lane, priority=Priority.URGENT)
    await drain_outbox()
    assert await state_of(held) == ("queued", "", 0)
    assert (await state_of(other))[0] == (await state_of(urgent))[0] == "done"
    clock.move_clock(timedelta(hours=8, seconds=1))
    await drain_outbox()
    assert (await state_of(held))[0] == "done"


async def test_nothing_leaves_on_a_lease_that_is_nearly_over(acts: Acts) -> None:
    async def run(payload: Any) -> None:
        await about_to_leave()
        left.append(payload)

    left: list[Any] = []
    acts.run = run
    row = await queue()
    (claimed,) = await claim_rows(1)
    claimed.lease_until -= relay.LEASE
    await execute("UPDATE outbox SET lease_until = $2 WHERE id = $1", row, claimed.lease_until)
    await carry_out(claimed)
    assert left == []
    assert (await state_of(row))[0] == "waiting"


async def test_a_relay_that_dies_before_its_call_has_done_nothing(acts: Acts) -> None:
    row = await queue()
    await claim_rows(1)
    await let_leases_expire()
    assert await EXPIRED_LEASES.run() == 1
    assert await state_of(row) == ("waiting", "relay died", 1)
    await drain_outbox()
    assert await state_of(row) == ("done", "", 2)


async def test_a_relay_that_dies_in_its_call_leaves_it_unknown(acts: Acts) -> None:
    class Killed(BaseException):
        pass

    async def run(payload: Any) -> None:
        await about_to_leave()
        raise Killed

    acts.run = run
    row, beside = await queue(), await queue()
    claimed = {one.id: one for one in await claim_rows(2)}
    with pytest.raises(Killed):
        await carry_out(claimed[row])
    await let_leases_expire()
    assert await EXPIRED_LEASES.run() == 2
    assert await state_of(row) == ("unknown", "relay died", 1)
    assert await state_of(beside) == ("waiting", "relay died", 1), "it had not left yet"
    assert acts.ended == ["unknown"]


async def test_a_relay_that_stood_still_sends_nothing_once_another_has_the_row(acts: Acts) -> None:
    left: list[Any] = []

    async def run(payload: Any) -> None:
        await about_to_leave()
        left.append(payload)

    acts.run = run
    row = await queue()
    (slow,) = await claim_rows(1)
    await execute("UPDATE outbox SET state = 'queued', lease_until = NULL WHERE id = $1", row)
    (quick,) = await claim_rows(1)
    await carry_out(slow)
    assert left == []
    await carry_out(quick)
    assert len(left) == 1
    assert (await state_of(row))[0] == "done"


async def test_a_row_that_kills_its_relays_is_given_up(repeatable: Acts) -> None:
    row = await queue()
    for _ in range(MAX_ATTEMPTS):
        assert len(await claim_rows(1)) == 1
        await let_leases_expire()
        assert await EXPIRED_LEASES.run() == 1
    assert await state_of(row) == ("failed", "gave up: relay died", MAX_ATTEMPTS)
    assert repeatable.ended == ["failed"]


async def test_the_more_important_overtakes_in_its_lane_and_everywhere(acts: Acts) -> None:
    lane = new_id()
    for n, priority in enumerate([Priority.BULK, Priority.NORMAL, Priority.NORMAL, Priority.URGENT, Priority.URGENT]):
        await queue(n, lane=lane, priority=priority)
    await queue(9, priority=Priority.BULK)
    claimed = await claim_rows(10)
    assert [row.payload["n"] for row in claimed] == [3, 9], "of a lane one at a time"
    await asyncio.gather(*(carry_out(row) for row in claimed))
    await drain_outbox()
    assert acts.runs == [3, 9, 4, 1, 2, 0]


async def test_a_lower_priority_gets_no_more_than_its_room(acts: Acts) -> None:
    # When PostgreSQL believes that there is one row, it would run a plain subquery again for each row that it updates.
    await queue(0)
    await execute("ANALYZE outbox")
    await execute("DELETE FROM outbox")
    for n in range(20):
        await queue(n, priority=Priority.BULK)
    rooms = {Priority.URGENT: 16, Priority.NORMAL: 14, Priority.BULK: 8}
    assert len(await claim_rows(16, rooms)) == 8
    for n in range(20):
        await queue(n, priority=Priority.NORMAL)
    rooms = {Priority.URGENT: 8, Priority.NORMAL: 6, Priority.BULK: 0}
    assert [row.priority for row in await claim_rows(8, rooms)] == [Priority.NORMAL] * 6


async def test_announcements_that_hang_leave_room_for_the_urgent(acts: Acts) -> None:
    """The platform does not answer, and every place that announcements may take is taken."""
    hanging, urgent_ran = asyncio.Event(), asyncio.Event()

    async def run(payload: dict[str, Any]) -> None:
        if payload["n"] < 100:
            await hanging.wait()
        else:
            urgent_ran.set()

    acts.run = run
    for n in range(30):
        await queue(n, priority=Priority.BULK)
    stop = asyncio.Event()
    running = asyncio.create_task(run_relay(stop, idle_seconds=0.02))
    async with asyncio.timeout(5):
        while len(acts.runs) < 8:
            await asyncio.sleep(0.01)
        await queue(100, priority=Priority.URGENT)
        await urgent_ran.wait()
    assert len(acts.runs) == 9
    hanging.set()
    stop.set()
    await running


async def test_a_relay_that_cannot_claim_gives_up_and_finishes_what_it_has(
    acts: Acts, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished: list[int] = []

    async def run(payload: dict[str, Any]) -> None:
        while len(tries) < 5:
            await asyncio.sleep(0)
        finished.append(payload["n"])

    async def claim_once(*given: Any) -> Any:
        tries.append(given)
        if len(tries) == 1:
            return await claim(*given)
        raise ConnectionRefusedError

    acts.run, claim, tries = run, relay.claim_rows, list[Any]()
    monkeypatch.setattr(relay, "claim_rows", claim_once)
    monkeypatch.setattr(relay, "_STUCK_SECONDS", 0.2)
    await queue(7)
    with pytest.raises(RelayStuck):
        await run_relay(asyncio.Event(), idle_seconds=0.01)
    assert finished == [7]


async def test_an_outage_is_told_now_and_then(acts: Acts, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: Any) -> Any:
        tries.append(1)
        raise RuntimeError

    tries: list[int] = []
    monkeypatch.setattr(relay, "claim_rows", refuse)
    monkeypatch.setattr(relay, "_TELL_SECONDS", 0.1)
    monkeypatch.setattr(relay, "_STUCK_SECONDS", 0.25)
    with structlog.testing.capture_logs() as lines, pytest.raises(RelayStuck):
        await run_relay(asyncio.Event(), idle_seconds=0.001)
    assert [line["event"] for line in lines] == ["relay_cannot_claim"] * 3
    assert len(tries) > 5


async def test_those_behind_a_long_wait_are_not_looked_at_meanwhile(acts: Acts) -> None:
    lane = new_id()

    async def run(payload: dict[str, Any]) -> None:
        if payload["n"] == 0 and len(acts.runs) == 1:
            raise RetryLater("tomorrow", timedelta(hours=20))

    acts.run = run
    for n in range(3):
        await queue(n, lane=lane)
    soon = clock.now() + timedelta(minutes=1)
    await queue(3, lane=new_id(), due_at=soon)
    await queue(4, lane=lane, due_at=soon, priority=Priority.URGENT)
    await drain_outbox()
    due = await fetch("SELECT DISTINCT due_at FROM outbox WHERE finished_at IS NULL AND due_at <> $1", soon)
    assert len(due) == 1
    clock.move_clock(timedelta(minutes=2))
    await drain_outbox()
    assert acts.runs == [0, 4, 3], "what is more urgent or stands in another lane does not wait"
    clock.move_clock(timedelta(hours=21))
    await drain_outbox()
    assert acts.runs == [0, 4, 3, 0, 1, 2]


async def test_a_waiting_row_holds_up_its_own_priority_only(acts: Acts) -> None:
    lane = new_id()

    async def run(payload: dict[str, Any]) -> None:
        if payload["n"] == 0:
            raise RetryLater("in a moment", timedelta(seconds=5))

    acts.run = run
    await queue(0, lane=lane, priority=Priority.URGENT)
    await drain_outbox()
    await queue(1, lane=lane)
    await drain_outbox()
    await queue(2, lane=lane, priority=Priority.URGENT)
    await drain_outbox()
    assert acts.runs == [0, 1], "those that come after it wait for it"


async def test_the_same_dedupe_key_queues_once(acts: Acts) -> None:
    for _ in range(2):
        async with transaction():
            await enqueue(KIND, {"n": 1}, dedupe_key="once")
    assert await drain_outbox() == 1


async def test_a_kind_that_nobody_knows_fails(app: object) -> None:
    await enqueue("of long ago", {})
    await drain_outbox()
    assert await fetch_value("SELECT state FROM outbox") == "failed"


async def test_a_claim_reads_no_more_than_it_takes(acts: Acts) -> None:
    """However many rows wait, and although PostgreSQL believes that there are none: the due ones by an index in their
    order, and each lane by its own."""
    await refresh("outbox")
    await execute(
        "INSERT INTO outbox (id, created_at, kind, payload, lane, priority, state, due_at, attempts, error) "
        "SELECT gen_random_uuid(), $1, 'act', '{}', gen_random_uuid(), n % 3, 'queued', $1, 0, '' "
        "FROM generate_series(1, 5000) AS n",
        clock.now(),
    )
    async with transaction():
        await execute(relay._BY_INDEX)
        claim = await read_by(relay._CLAIM, clock.now(), clock.real_now(), [2, 1, 0], [16, 14, 8], 16)
    assert claim.returned == 16, "run once, whatever the plan"
    claim.check(spare=50)
