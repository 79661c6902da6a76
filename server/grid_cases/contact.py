"""Whom to call about a case. Sealed, in no other answer, and every view is audited."""

from datetime import timedelta
from typing import Any

import msgspec

from server.accounts.details import details_of
from server.background.sweeps import due_sweep
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.crypto import keyring
from server.foundation.database import execute, transaction
from server.foundation.errors import NotAllowed, NotFound
from server.foundation.rows import lock_row
from server.grid_cases.models import CONTACT_CONTEXT, CaseState, GridCase
from server.grid_cases.rules import CaseActor
from server.grid_cases.steps import actors_at

CONTACTS_FORGOTTEN_AFTER = timedelta(days=180)


class CaseContact(msgspec.Struct):
    """Whom to call about a case, in clear; empty where nothing is known."""

    name: str
    phone: str


def seal_contact(contact: CaseContact) -> bytes:
    return keyring().encrypt(msgspec.json.encode(contact).decode(), CONTACT_CONTEXT)


def open_contact(sealed: bytes | None) -> CaseContact:
    if not sealed:
        return CaseContact("", "")
    return msgspec.json.decode(keyring().decrypt(bytes(sealed), CONTACT_CONTEXT), type=CaseContact)


async def view_case_contact(actor_id: str, case_id: str) -> CaseContact:
    """Name and phone of who reported it: for those who dispatch and check it, and for the handler while they handle it,
    where who reported it has agreed. Audited. Raises NotFound, NotAllowed."""
    async with transaction():
        # Locked, so that nobody is shown it while the case is being taken from them.
        case = await lock_row(GridCase, case_id)
        if case is None:
            raise NotFound()
        actors = await actors_at(actor_id, case_id)
        if not actors & {CaseActor.KEEPER, CaseActor.HANDLER}:
            raise NotFound()
        if CaseActor.KEEPER not in actors and not (case.shares_contact and case.state is CaseState.HANDLING):
            raise NotAllowed("反映人没有同意向处置人公开联系方式，请由派遣员联系")
        await record_audit(
            "view_case_contact",
            actor_id=actor_id,
            subject=("grid_case", case_id),
            person_id=case.reporter_id,
            organization_id=case.community_id,
        )
        given = open_contact(case.contact)
        if case.reporter_id:
            own = await details_of(case.reporter_id)
            return CaseContact(given.name or own.real_name, given.phone or own.phone)
        return given


async def _forget(row: Any) -> None:
    await execute("UPDATE grid_case SET contact = NULL WHERE id = $1", row["id"])


FORGET_CASE_CONTACTS = due_sweep(
    "forget_case_contacts",
    timedelta(hours=1),
    rows="grid_case",
    where="contact IS NOT NULL AND holder_id IS NULL",
    due="changed_at",
    before=lambda: clock.now() - CONTACTS_FORGOTTEN_AFTER,
    do=_forget,
)
"""Whom to call about cases that are over."""
