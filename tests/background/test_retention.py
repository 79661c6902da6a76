"""What is forgotten, and when; and that no table grows for ever without somebody having thought of it."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from server.accounts import periods
from server.accounts.periods import PERIODS
from server.background import retention
from server.background.retention import RULES, Rule
from server.foundation import clock
from server.foundation.database import execute, fetch, fetch_value
from server.foundation.ids import new_id
from server.wishes.forgetting import CONTACTS_FORGOTTEN_AFTER, FORGOTTEN_AFTER
from tests.builders import create_community, create_person, create_resident
from tests.clients import Api

SPANS = {1: "24 小时", 365: "一年"}
"""Days of a rule → as people read them, where that is not `N 天`."""


async def test_of_every_table_it_is_said_how_long_its_rows_are_kept(api: Api) -> None:
    rows = await fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    told = {table for period in PERIODS for table in period.tables}
    assert told == {row["tablename"] for row in rows} - {"tortoise_migrations"}, "say it in accounts/periods.py"
    shown = await api.get("/retention-periods")
    assert [(view["what"], view["kept"]) for view in shown] == [(period.what, period.kept) for period in PERIODS]
    readme = (Path(periods.__file__).parent / "README.md").read_text()
    assert [period.what for period in PERIODS if f"| {period.what} | {period.kept} |" not in readme] == []


def test_what_is_said_is_what_the_rules_do() -> None:
    for rule in RULES:
        days = rule.after.days
        told = [period.kept for period in PERIODS if rule.table in period.tables]
        assert any(SPANS.get(days, f"{days} 天") in kept for kept in told), rule.name
    for days in (FORGOTTEN_AFTER.days, CONTACTS_FORGOTTEN_AFTER.days):
        assert any(f"{days} 天" in period.kept for period in PERIODS if "wish" in period.tables)


def rule_of(name: str) -> Rule:
    return next(rule for rule in RULES if rule.name == name)


async def insert(table: str, **values: Any) -> None:
    columns = {"id": new_id(), "created_at": clock.now(), **values}
    names = ", ".join(columns)
    numbers = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
    await execute(f"INSERT INTO {table} ({names}) VALUES ({numbers})", *columns.values())


async def insert_outbox_row(state: str) -> None:
    await insert(
        "outbox",
        kind="x",
        payload="{}",
        priority=1,
        state=state,
        due_at=clock.now(),
        attempts=1,
        error="",
        finished_at=clock.now(),
    )


@pytest.mark.parametrize(
    ("name", "days"),
    [("old_idempotency_keys", 1), ("old_sessions", 60), ("done_outbox_rows", 14), ("old_outbox_rows", 180)],
)
async def test_rows_go_when_their_time_has_passed_and_not_before(api: Api, name: str, days: int) -> None:
    me = await create_resident(api, await create_community())
    await insert("idempotency_key", person_id=me.person_id, key="k" * 8, request_hash=b"h")
    for state in ("done", "failed"):
        await insert_outbox_row(state)
    rule = rule_of(name)
    clock.move_clock(timedelta(days=days, minutes=-1))
    assert await rule.purge() == 0
    assert await rule.lag() == 0
    clock.move_clock(timedelta(days=days, minutes=1))
    assert 0 < await rule.lag() < 120
    assert await rule.purge() == (2 if name == "old_outbox_rows" else 1)
    assert await rule.lag() == 0


async def test_a_failed_row_is_kept_longer_than_a_done_one(app: object) -> None:
    for state in ("done", "failed", "unknown", "expired"):
        await insert_outbox_row(state)
    clock.move_clock(timedelta(days=15))
    for rule in RULES:
        await rule.purge()
    states = {row["state"] for row in await fetch("SELECT state FROM outbox")}
    assert states == {"failed", "unknown", "expired"}


async def test_a_repeat_after_a_day_is_a_new_request(api: Api) -> None:
    """The first answer is kept for 24 hours; then the key is free again."""
    me = await create_resident(api, await create_community())
    path, body = "/me/inbox/read-all", None
    await me.post(path, body, key="same-key-1")
    assert await fetch_value("SELECT count(*) FROM idempotency_key") == 1
    clock.move_clock(timedelta(hours=25))
    assert await rule_of("old_idempotency_keys").purge() == 1


async def test_many_workers_purge_everything_once(app: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_BATCH", 7)
    person = await create_person()
    for number in range(40):
        await insert("idempotency_key", person_id=person.id, key=f"key-{number:04}", request_hash=b"h")
    clock.move_clock(timedelta(days=2))
    rule = rule_of("old_idempotency_keys")

    async def work() -> int:
        done = 0
        while count := await rule.purge():
            done += count
        return done

    assert sum(await asyncio.gather(*(work() for _ in range(4)))) == 40
    assert await fetch_value("SELECT count(*) FROM idempotency_key") == 0
