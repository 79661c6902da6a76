"""The table of what operations write (tests/writes.py) is whole, and what it declares is looked at."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from miniprogram_api.routes import BY_OPERATION
from server.accounts import roles
from server.foundation.database import execute
from server.operations.audit_words import ACTION_WORDS
from server.organizations import roles as organization_roles
from server.organizations.models import RoleKind
from tests.builders import create_community, create_person, create_staff
from tests.clients import Api
from tests.writes import EARLIER_ACTIONS, WRITES

ELSEWHERE = {
    "import_organizations": "a command",
    "import_case_categories": "a command",
    **dict.fromkeys(("call_off_shift", "end_post", "freeze_report", "purge_audit_entries"), "a sweep"),
    **dict.fromkeys(("lapse_list_entry", "lapse_list_claim"), "a sweep"),
    "refuse_unanswered_booking": "a sweep",
    "refuse_activity_texts": "a verdict",
    **dict.fromkeys(("mark_attendance", "match_home", "record_consent", "confirm_merge"), "not each time"),
    **dict.fromkeys((f"{act}_booking_for_change" for act in ("move", "cancel")), "not each time"),
    **dict.fromkeys(("set_console_password", "remove_console_password", "refuse_console_password"), "the console"),
    **dict.fromkeys(("add_console_passkey", "remove_console_passkey"), "the console"),
    **dict.fromkeys((f"enter_console_by_{key}" for key in ("password", "passkey")), "the console"),
    **dict.fromkeys(("add_reply", "remove_reply"), "the console"),
    **dict.fromkeys(EARLIER_ACTIONS, "earlier versions"),
}
"""Actions that no request does by itself: where else they come from, and are tested."""


def test_every_operation_that_writes_is_in_the_table() -> None:
    writing = {name for name, route in BY_OPERATION.items() if route.method != "GET"}
    assert writing - WRITES.keys() == set()
    assert WRITES.keys() - BY_OPERATION.keys() == set()


def test_every_action_of_the_audit_log_is_in_the_table() -> None:
    declared = {action for row in WRITES.values() for action in re.findall(r"=(\w+)", row)}
    assert declared | ELSEWHERE.keys() == ACTION_WORDS.keys()
    assert not declared & ELSEWHERE.keys()


@pytest.mark.broken
async def test_what_is_left_out_is_noticed(api: Api, app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry of the audit log, a transaction."""
    community = await create_community()
    manager, worker = await create_staff(api, community, RoleKind.MANAGER), await create_person(community=community)
    path, body = "/staff/roles", {"person_id": worker.id, "organization_id": community.id, "kind": "staff"}

    @asynccontextmanager
    async def no_transaction(**refusals: Any) -> AsyncIterator[None]:
        yield

    async def no_audit(*entry: Any, **facts: Any) -> None: ...

    for name, instead, told in (
        ("record_audit", no_audit, "no ['=grant_role:po']"),
        ("transaction", no_transaction, "can be half done"),
    ):
        with monkeypatch.context() as patch:
            for module in (roles, organization_roles):
                patch.setattr(module, name, instead, raising=False)
            await manager.post(path, body)
        assert told in str(app.ctx.statements.take_wrong())
        await execute("UPDATE role_grant SET ended_at = granted_at WHERE person_id = $1", worker.id)
    await manager.post(path, body)
    assert app.ctx.statements.take_wrong() == []
