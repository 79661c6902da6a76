"""What could not be sent or carried out: seen by staff, and tried again when the cause is gone."""

from datetime import datetime

import msgspec

from server.accounts.queries import describe_persons
from server.accounts.roles import PersonBrief, brief_of
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import fetch, fetch_one, transaction
from server.foundation.errors import NotFound, WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery, fetch_page
from server.notifications.rendering import Told, describe_subjects, render_words
from server.notifications.telling import retry_messages
from server.organizations.access import WORKERS, holds_role, require_role_or_hide

RETRY_AT_ONCE = 1000

_FAILED = (
    "FROM outbox o LEFT JOIN person p ON p.id = o.lane LEFT JOIN organization c ON c.id = p.community_id "
    "JOIN organization scope ON scope.id = $1 "
    # What concerns nobody of a community (a push, a check) is for those who work at the top.
    "WHERE o.state = 'failed' AND (c.path <@ scope.path OR scope.parent_id IS NULL)"
)


class FailedMessageView(msgspec.Struct):
    """One outbox row that failed. `title` is what the person would have read; both are null for what is no message.
    `can_retry`: its time has not passed."""

    id: Id
    kind: str
    event: str
    title: str
    person: PersonBrief | None
    error: str
    attempts: int
    created_at: datetime
    failed_at: datetime
    can_retry: bool


async def list_failed_messages(actor_id: str, organization_id: str, page: PageQuery) -> Page[FailedMessageView]:
    """What failed for people of the organization's subtree, newest first. Raises NotFound for anyone who does
    not work there."""
    await require_role_or_hide(actor_id, organization_id, WORKERS)
    rows = await fetch_page(
        "SELECT o.id, o.kind, o.error, o.attempts, o.created_at, o.finished_at, o.expires_at, p.id AS person_id, "
        f"o.payload->>'message' AS message {_FAILED} AND ($2::uuid IS NULL OR o.id < $2) ORDER BY o.id DESC LIMIT $3",
        organization_id,
        page=page,
    )
    people = await describe_persons({row["person_id"] for row in rows.items} - {None})
    told = await _told([row["message"] for row in rows.items if row["message"]])
    described = await describe_subjects(told.values())
    now = clock.now()
    views = []
    for row in rows.items:
        message = told.get(row["message"])
        views.append(
            FailedMessageView(
                id=row["id"],
                kind=row["kind"],
                event=message.event if message else "",
                title=render_words(message, described).title if message else "",
                person=brief_of(people, row["person_id"]),
                error=row["error"],
                attempts=row["attempts"],
                created_at=row["created_at"],
                failed_at=row["finished_at"],
                can_retry=row["expires_at"] is None or row["expires_at"] > now,
            )
        )
    return Page(views, rows.next_cursor)


async def retry_failed_message(actor_id: str, row_id: str) -> None:
    """Try one again. Raises NotFound, WrongState where it has not failed or its time has passed."""
    async with transaction():
        row = await fetch_one(
            "SELECT p.id AS person_id, p.community_id, (SELECT id FROM organization WHERE parent_id IS NULL "
            "ORDER BY id LIMIT 1) AS root_id FROM outbox o LEFT JOIN person p ON p.id = o.lane WHERE o.id = $1",
            row_id,
        )
        organization_id = (row["community_id"] or row["root_id"]) if row else None
        if row is None or organization_id is None or not await holds_role(actor_id, organization_id, WORKERS):
            raise NotFound()
        if not await retry_messages([row_id]):
            raise WrongState("只有未过时的失败消息可以重发")
        await record_audit(
            "retry_failed_message",
            actor_id=actor_id,
            subject=("outbox", row_id),
            person_id=row["person_id"],
            organization_id=organization_id,
        )


async def retry_failed_messages(actor_id: str, organization_id: str) -> int:
    """Try again all that failed in the subtree, at most RETRY_AT_ONCE; how many. Raises NotFound."""
    await require_role_or_hide(actor_id, organization_id, WORKERS)
    async with transaction():
        rows = await fetch(
            f"SELECT o.id {_FAILED} AND (o.expires_at IS NULL OR o.expires_at > $2) ORDER BY o.id LIMIT $3",
            organization_id,
            clock.now(),
            RETRY_AT_ONCE,
        )
        retried = await retry_messages([row["id"] for row in rows])
        await record_audit(
            "retry_failed_messages",
            actor_id=actor_id,
            subject=("organization", organization_id),
            organization_id=organization_id,
            rows=retried,
        )
    return retried


async def _told(message_ids: list[str]) -> dict[str, Told]:
    rows = await fetch("SELECT id, event, facts FROM inbox_message WHERE id = ANY($1)", message_ids)
    return {row["id"]: Told(row["event"], msgspec.json.decode(row["facts"])) for row in rows}
