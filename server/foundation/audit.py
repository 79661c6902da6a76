"""Who did what to whom, from where: append-only, kept at least six months.

Written in the transaction of the action it tells of. Rows hold ids, never names: words are rendered when they are read.
The database itself refuses to change a row, or to delete one outside the retention purge (a trigger, see migrations).
"""

from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any

import msgspec
from tortoise import fields
from tortoise.indexes import Index

from server.foundation.database import IdField, Model
from server.foundation.rows import insert_all


class RequestContext(msgspec.Struct, frozen=True):
    """Where an action comes from: the caller's address as the trusted proxy tells it, and the request's id."""

    address: str = ""
    request_id: str = ""


_NOWHERE = RequestContext()
request_context: ContextVar[RequestContext] = ContextVar("request_context", default=_NOWHERE)


class AuditEntry(Model):
    """One action: `created_at` is when; `person_id` whose data it touches; `organization_id` whose staff read it."""

    actor_id = IdField(null=True)
    action = fields.CharField(max_length=64)
    subject_kind = fields.CharField(max_length=32)
    subject_id = IdField(null=True)
    person_id = IdField(null=True)
    organization_id = IdField(null=True)
    details: Any = fields.JSONField(default=dict)
    address = fields.CharField(max_length=45, default="")
    request_id = fields.CharField(max_length=64, default="")

    class Meta:
        table = "audit_entry"
        indexes = [
            Index(fields=("organization_id", "id"), name="audit_entry_organization"),
            Index(fields=("person_id", "id"), name="audit_entry_person"),
            Index(fields=("actor_id", "id"), name="audit_entry_actor"),
            Index(fields=("subject_id", "id"), name="audit_entry_subject"),
            Index(fields=("action", "id"), name="audit_entry_action"),
            Index(fields=("created_at",), name="audit_entry_age"),
        ]


async def record_audit(
    action: str,
    *,
    actor_id: str | None,
    subject: tuple[str, str | None],
    person_id: str | None = None,
    organization_id: str | None = None,
    and_organization_id: str | None = None,
    **details: Any,
) -> None:
    """Add one entry, in the caller's transaction. `subject` is (kind, id); `details` are ids, states and codes only.

    `actor_id` None means the system itself (a sweep). Where an act concerns `and_organization_id` too (the one that the
    person belongs to), its people read an entry of their own.
    """
    for read_by in dict.fromkeys((organization_id, and_organization_id or organization_id)):
        await _entry(action, actor_id, subject, person_id, read_by, details).save()


async def record_views(
    action: str, *, actor_id: str, kind: str, seen: Iterable[tuple[str, str]], organization_id: str
) -> None:
    """One entry for each that a list has shown, (id, person) as `seen`, all in one statement."""
    entries = [_entry(action, actor_id, (kind, id_), person_id, organization_id, {}) for id_, person_id in seen]
    if entries:
        await insert_all(entries)


def _entry(
    action: str,
    actor_id: str | None,
    subject: tuple[str, str | None],
    person_id: str | None,
    organization_id: str | None,
    details: dict[str, Any],
) -> AuditEntry:
    context = request_context.get()
    return AuditEntry(
        actor_id=actor_id,
        action=action,
        subject_kind=subject[0],
        subject_id=subject[1],
        person_id=person_id,
        organization_id=organization_id,
        details=details,
        address=context.address,
        request_id=context.request_id,
    )
