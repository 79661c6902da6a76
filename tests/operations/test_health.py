"""The page of what runs by itself, and the same for Prometheus."""

import asyncio
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from server.background import outbox, sweeps
from server.background.outbox import Priority, enqueue
from server.background.relay import drain_outbox
from server.background.sweeps import Sweep, declare_sweeps
from server.foundation import clock, skew
from server.foundation.database import execute
from server.operations import health
from server.organizations.models import RoleKind
from server.worker import run_sweep
from tests.builders import create_community, create_resident, create_staff
from tests.clients import Api


async def seven() -> int:
    return 7


async def behind() -> float:
    return 42.0


async def fails() -> int:
    raise ZeroDivisionError


async def cannot_tell() -> float:
    raise ZeroDivisionError


SWEEPS = [
    Sweep("works", timedelta(minutes=1), seven, behind),
    Sweep("breaks", timedelta(minutes=1), fails, cannot_tell),
    Sweep("never_ran", timedelta(hours=1), seven, behind),
]


@pytest.fixture(autouse=True)
def known_sweeps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "SWEEPS", SWEEPS)


async def run_sweeps() -> None:
    await declare_sweeps(SWEEPS)
    await run_sweep(SWEEPS[0])
    with pytest.raises(ZeroDivisionError):
        await run_sweep(SWEEPS[1])


async def test_managers_see_what_runs_and_how_far_it_is_behind(api: Api) -> None:
    await run_sweeps()
    community = await create_community()
    manager = await create_staff(api, community, RoleKind.MANAGER)
    found = {job["name"]: job for job in (await manager.get("/staff/jobs"))["items"]}
    assert (found["works"]["done"], found["works"]["lag_seconds"], found["works"]["is_late"]) == (7, 42.0, False)
    assert (found["breaks"]["error"], found["breaks"]["failures"]) == ("ZeroDivisionError", 1)
    assert (found["never_ran"]["started_at"], found["never_ran"]["is_late"]) == (None, True)
    clock.move_clock(timedelta(minutes=5))
    found = {job["name"]: job for job in (await manager.get("/staff/jobs"))["items"]}
    assert found["works"]["is_late"], "no worker runs it"
    await (await create_staff(api, community)).refused("GET", "/staff/jobs", code="not_allowed")
    await (await create_resident(api, community)).refused("GET", "/staff/jobs", code="not_allowed")


async def test_a_deployment_without_any_worker_is_seen(api: Api) -> None:
    """Not an empty page: no run was ever noted, and what is due waits."""
    manager = await create_staff(api, await create_community(), RoleKind.MANAGER)
    found = {job["name"]: job for job in (await manager.get("/staff/jobs"))["items"]}
    assert found.keys() == {"works", "breaks", "never_ran"}
    assert (found["works"]["is_late"], found["works"]["started_at"], found["works"]["lag_seconds"]) == (True, None, 42)
    assert (found["works"]["every_seconds"], found["breaks"]["lag_seconds"]) == (60, None)
    assert (await metrics(api))['linli_sweep_late{sweep="works"}'] == 1


async def test_how_far_it_is_behind_is_of_now(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    await run_sweeps()
    manager = await create_staff(api, await create_community(), RoleKind.MANAGER)

    async def further_behind() -> float:
        return 99.0

    monkeypatch.setattr(sweeps, "SWEEPS", [SWEEPS[0]._replace(lag=further_behind)])
    (job,) = (await manager.get("/staff/jobs"))["items"]
    assert (job["lag_seconds"], job["runs"]) == (99, 1)


async def test_one_that_cannot_tell_does_not_hide_the_others(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "SWEEPS", [*SWEEPS, Sweep("cannot_tell", timedelta(minutes=1), seven, cannot_tell)])
    found = await metrics(api)
    assert found['linli_sweep_lag_seconds{sweep="works"}'] == 42
    assert found['linli_sweep_late{sweep="cannot_tell"}'] == 1
    assert 'linli_sweep_lag_seconds{sweep="cannot_tell"}' not in found


async def test_the_outbox_is_counted_by_state_and_age(api: Api) -> None:
    await enqueue("of long ago", {})
    await drain_outbox()
    await enqueue("slow", {})
    await enqueue("tomorrow", {}, due_at=clock.now() + timedelta(days=1))
    clock.move_clock(timedelta(minutes=10))
    manager = await create_staff(api, await create_community(), RoleKind.MANAGER)
    counts = {(row["kind"], row["state"]): row for row in (await manager.get("/staff/jobs"))["outbox"]}
    assert counts["of long ago", "failed"]["count"] == 1
    assert 599 < counts["slow", "queued"]["oldest_due_seconds"] < 660
    assert counts["tomorrow", "queued"]["oldest_due_seconds"] == 0


async def metrics(api: Api) -> dict[str, float]:
    response = await api.client.get("/metrics")
    assert response.status_code == 200
    lines = [line for line in response.text.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


async def test_prometheus_reads_the_same_from_the_server(api: Api) -> None:
    await run_sweeps()
    await enqueue("of long ago", {})
    await drain_outbox()
    await enqueue("slow", {})
    found = await metrics(api)
    assert found['linli_sweep_lag_seconds{sweep="works"}'] == 42
    assert found['linli_sweep_rows_total{sweep="works"}'] == 7
    assert found['linli_sweep_failed{sweep="breaks"}'] == 1
    assert found['linli_sweep_failures_total{sweep="breaks"}'] == 1
    assert found['linli_sweep_late{sweep="works"}'] == 0
    assert found['linli_sweep_late{sweep="never_ran"}'] == 1
    assert found['linli_sweep_interval_seconds{sweep="never_ran"}'] == 3600
    assert 'linli_sweep_last_run_timestamp_seconds{sweep="never_ran"}' not in found
    assert abs(found['linli_sweep_last_run_timestamp_seconds{sweep="works"}'] - clock.now().timestamp()) < 60
    assert found['linli_outbox_rows{kind="slow",priority="normal",state="queued"}'] == 1
    assert found['linli_outbox_rows{kind="of long ago",priority="normal",state="failed"}'] == 1
    assert found['linli_outbox_finished_last_hour{kind="of long ago",state="failed"}'] == 1


async def test_the_delay_from_due_to_done_is_told(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(payload: Any) -> None:
        return None

    monkeypatch.setitem(outbox.EFFECTS, "act", outbox.Effect(act, repeatable=True))
    await enqueue("act", {})
    await enqueue("act", {}, due_at=clock.now() + timedelta(hours=9), priority=Priority.URGENT)  # not before morning
    await drain_outbox()
    clock.move_clock(timedelta(hours=9))
    await drain_outbox()
    found = await metrics(api)
    assert 0 <= found['linli_outbox_delay_seconds{kind="act",priority="urgent",quantile="0.5"}'] < 10
    clock.move_clock(timedelta())
    found = await metrics(api)
    assert 0 <= found['linli_outbox_delay_seconds{kind="act",priority="normal",quantile="0.5"}'] < 10


async def test_what_is_told_to_many_is_told_apart(api: Api) -> None:
    """A hundred thousand announcements take their time, and nobody is to be woken for them."""
    await enqueue("slow", {}, priority=Priority.BULK)
    await enqueue("slow", {}, priority=Priority.URGENT)
    clock.move_clock(timedelta(minutes=10))
    found = await metrics(api)
    for priority in ("bulk", "urgent"):
        assert found[f'linli_outbox_oldest_due_seconds{{kind="slow",priority="{priority}",state="queued"}}'] > 599
    manager = await create_staff(api, await create_community(), RoleKind.MANAGER)
    told = [(row["kind"], row["priority"], row["count"]) for row in (await manager.get("/staff/jobs"))["outbox"]]
    assert told == [("slow", "urgent", 1), ("slow", "bulk", 1)]


async def test_every_metric_of_the_readme_is_there(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """An alert on a name that does not exist never fires."""

    async def act(payload: Any) -> None:
        return None

    monkeypatch.setitem(outbox.EFFECTS, "act", outbox.Effect(act, repeatable=True))
    await run_sweeps()
    await enqueue("act", {})
    await drain_outbox()
    await enqueue("slow", {})
    there = {name.partition("{")[0] for name in await metrics(api)}
    told = set(re.findall(r"\blinli_[a-z_]+", (Path(__file__).parents[2] / "server/operations/README.md").read_text()))
    assert told
    assert told <= there
    assert {name for name in there if name.startswith(("linli_sweep", "linli_outbox"))} - told <= {
        f"linli_sweep_{name}_created" for name in ("runs", "rows", "failures")
    }


async def test_without_the_database_the_process_still_answers(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def gone() -> Any:
        raise ConnectionRefusedError

    monkeypatch.setattr(health, "_jobs", gone)
    found = await metrics(api)
    assert any(name.startswith("linli_requests_total") for name in found)
    assert not any(name.startswith("linli_sweep") for name in found)


async def test_a_worker_whose_clock_is_a_day_ahead_hides_nothing(api: Api) -> None:
    await run_sweeps()
    assert (await metrics(api))['linli_sweep_late{sweep="works"}'] == 0
    await execute("UPDATE job_run SET started_at = started_at + interval '1 day' WHERE name = 'works'")
    assert (await metrics(api))['linli_sweep_late{sweep="works"}'] == 1


async def test_a_clock_that_is_off_the_databases(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    assert abs((await metrics(api))["linli_clock_skew_seconds"]) < 0.5
    log = structlog.testing.CapturingLogger()
    monkeypatch.setattr(skew, "log", log)
    await skew.warn_of_skew()
    real = clock.real_now
    for off in (40, -40):
        monkeypatch.setattr(clock, "real_now", lambda off=off: real() + timedelta(seconds=off))
        assert (await metrics(api))["linli_clock_skew_seconds"] == pytest.approx(off, abs=1)
        await skew.warn_of_skew()
    assert [(call.args, round(call.kwargs["seconds"])) for call in log.calls] == [
        (("clock_skewed",), 40),
        (("clock_skewed",), -40),
    ]


async def test_a_clock_that_goes_wrong_while_all_runs(app: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """And while the database is away nobody is told anything, nor does the watch end."""
    log = structlog.testing.CapturingLogger()
    monkeypatch.setattr(skew, "log", log)
    monkeypatch.setattr(skew, "_EVERY", 0.001)
    asked = asyncio.Event()

    async def gone(_: str) -> Any:
        asked.set()
        raise ConnectionRefusedError

    async with skew.watching_skew():
        assert log.calls == []
        with monkeypatch.context() as away:
            away.setattr(skew, "clock_skew", lambda: gone(""))
            await asyncio.wait_for(asked.wait(), 10)
        real = clock.real_now
        monkeypatch.setattr(clock, "real_now", lambda: real() + timedelta(seconds=40))
        async with asyncio.timeout(10):
            while not log.calls:
                await asyncio.sleep(0)
    assert {(call.args, round(call.kwargs["seconds"])) for call in log.calls} == {(("clock_skewed",), 40)}
