"""What is forgotten, and when; and that no table grows for ever without somebody having thought of it."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from server.background import retention
from server.background.retention import RULES, Rule
from server.foundation import clock
from server.foundation.database import execute, fetch, fetch_value
from server.foundation.ids import new_id
from tests.builders import create_community, create_person, create_resident
from tests.clients import Api

PURGED_OTHERWISE = {"audit_entry", "picture"}
"""By sweeps of their own: old_audit_entries, unused_pictures."""

KEPT = {
    # who and what there is: it ends, and is never deleted
    *("organization", "party_organization", "role_grant", "person", "person_details", "wechat_identity", "consent"),
    *("dependant", "team", "team_member", "membership", "volunteer_skill", "ranking_place", "notification_preferences"),
    *("calendar_feed", "venue", "venue_screen", "service", "opening_rule", "opening_exception", "holiday_year", "duty"),
    # what people did, and what was decided about it
    *(
        "check_in",
        "unit_check_in",
        "post",
        "post_holding",
        "post_month",
        "half_year_report",
        "due_report",
        "period_run",
    ),
    *("member_contact", "membership_transfer", "service_rule", "service_entry"),
    *("allotment", "place", "place_pass", "no_show", "no_show_appeal", "block"),
    *("wish", "wish_claim", "wish_share", "wish_note", "wish_terms"),
    *("activity", "shift", "shift_role", "sign_up", "attendance", "hours", "certificate", "shift_rating"),
    *("slot", "booking", "booking_series", "booking_move", "room_booking", "booking_rating", "complaint"),
    "announcement",
    # proof of what was checked before others saw it
    *("checked_subject", "content_check"),
    # where somebody was at the counter
    "registration",
    # the balances of accepts are its sums
    *("grant_entry", "grant_balance"),
    # one row a sweep
    "job_run",
}
"""Tables whose rows are records."""


async def test_every_table_is_a_record_or_is_purged(app: object) -> None:
    rows = await fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    tables = {row["tablename"] for row in rows} - {"tortoise_migrations"}
    purged = {rule.table for rule in RULES} | PURGED_OTHERWISE
    assert tables - purged - KEPT == set(), "say in its feature.py when its rows go, or here that they stay"
    assert KEPT - tables == set()
    assert not KEPT & purged


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
