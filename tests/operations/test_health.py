"""The page of what runs by itself, and the same for Prometheus."""

from datetime import timedelta
from typing import Any

import pytest

from server import clock, jobs, outbox
from server.jobs import Sweep, declare_sweeps
from server.operations import health
from server.organizations.models import RoleKind
from server.outbox import enqueue
from server.relay import drain_outbox
from server.worker import run_sweep
from tests.builders import create_community, create_resident, create_staff
from tests.clients import Api


async def seven() -> int:
    return 7


async def behind() -> float:
    return 42.0


async def fails() -> int:
    raise ZeroDivisionError


SWEEPS = [
    Sweep("works", timedelta(minutes=1), seven, behind),
    Sweep("breaks", timedelta(minutes=1), fails),
    Sweep("never_ran", timedelta(hours=1), seven),
]


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


async def test_prometheus_reads_the_same_from_the_server(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "SWEEPS", SWEEPS)
    await run_sweeps()
    await enqueue("of long ago", {})
    await drain_outbox()
    await enqueue("slow", {})
    found = await metrics(api)
    assert found['linli_sweep_lag_seconds{sweep="works"}'] == 42
    assert found['linli_sweep_rows_total{sweep="works"}'] == 7
    assert found['linli_sweep_failed{sweep="breaks"}'] == 1
    assert found['linli_sweep_failures_total{sweep="breaks"}'] == 1
    assert found['linli_sweep_interval_seconds{sweep="never_ran"}'] == 3600
    assert 'linli_sweep_last_run_timestamp_seconds{sweep="never_ran"}' not in found
    assert abs(found['linli_sweep_last_run_timestamp_seconds{sweep="works"}'] - clock.now().timestamp()) < 60
    assert found['linli_outbox_rows{kind="slow",state="queued"}'] == 1
    assert found['linli_outbox_rows{kind="of long ago",state="failed"}'] == 1
    assert found['linli_outbox_finished_last_hour{kind="of long ago",state="failed"}'] == 1


async def test_the_delay_from_commit_to_done_is_told(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def deed(payload: Any) -> None:
        return None

    monkeypatch.setitem(outbox.EFFECTS, "deed", outbox.Effect(deed, repeatable=True))
    await enqueue("deed", {})
    await drain_outbox()
    assert 0 <= (await metrics(api))['linli_outbox_delay_seconds{kind="deed",quantile="0.5"}'] < 10


async def test_without_the_database_the_process_still_answers(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def gone() -> Any:
        raise ConnectionRefusedError

    monkeypatch.setattr(health, "_jobs", gone)
    found = await metrics(api)
    assert any(name.startswith("linli_requests_total") for name in found)
    assert not any(name.startswith("linli_sweep") for name in found)
