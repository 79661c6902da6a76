"""Reading announcements: staff see those of their area, everybody else those they were told of."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from server.announcements.audience import AudienceView, count_audience
from server.announcements.models import AnnouncementAudience, AnnouncementState
from server.foundation.database import fetch, fetch_one, fetch_structs, fetch_value
from server.foundation.errors import NotFound
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery, fetch_struct_page
from server.organizations.access import READERS, WORKERS, holds_role, require_role, require_role_or_hide

SUMMARY_LENGTH = 40


class StaffAnnouncementView(msgspec.Struct):
    """An announcement as staff see it: `told` of the `expected` people have been told so far."""

    id: Id
    organization_id: Id
    organization_name: str
    audience: AnnouncementAudience
    title: str
    text: str
    urgent: bool
    state: AnnouncementState
    written_by_id: Id
    sent_by_id: Id | None
    sent_at: datetime | None
    finished_at: datetime | None
    withdrawn_at: datetime | None
    expected: int
    told: int
    version: int


class AnnouncementView(msgspec.Struct):
    """An announcement as people read it."""

    id: Id
    organization_name: str
    title: str
    text: str
    urgent: bool
    sent_at: datetime


_STAFF_COLUMNS = (
    "a.id, a.organization_id, o.name AS organization_name, a.audience, a.title, a.text, a.urgent, a.state, "
    "a.written_by_id, a.sent_by_id, a.sent_at, a.finished_at, a.withdrawn_at, a.expected, a.told, a.version"
)


async def get_staff_announcement(actor_id: str, announcement_id: str) -> StaffAnnouncementView:
    """Raises NotFound for who has no role there."""
    found = await fetch_structs(
        StaffAnnouncementView,
        f"SELECT {_STAFF_COLUMNS} FROM announcement a JOIN organization o ON o.id = a.organization_id WHERE a.id = $1",
        announcement_id,
    )
    if not found or not await holds_role(actor_id, found[0].organization_id, READERS):
        raise NotFound()
    return found[0]


async def list_staff_announcements(actor_id: str, organization_id: str, page: PageQuery) -> Page[StaffAnnouncementView]:
    """An organization's own announcements, newest first. Raises NotFound for who has no role there."""
    await require_role_or_hide(actor_id, organization_id, READERS)
    return await fetch_struct_page(
        StaffAnnouncementView,
        f"SELECT {_STAFF_COLUMNS} FROM announcement a JOIN organization o ON o.id = a.organization_id "
        "WHERE a.organization_id = $1 AND ($2::uuid IS NULL OR a.id < $2) ORDER BY a.id DESC LIMIT $3",
        organization_id,
        page=page,
    )


async def preview_audience(actor_id: str, organization_id: str, audience: AnnouncementAudience) -> AudienceView:
    """How many people an announcement there would reach. Raises NotAllowed."""
    await require_role(actor_id, organization_id, WORKERS)
    return await count_audience(organization_id, audience)


async def get_announcement(person_id: str, announcement_id: str) -> AnnouncementView:
    """For those who were told of it, as long as their inbox has it. Raises NotFound; also once it is withdrawn."""
    was_told = await fetch_value(
        "SELECT EXISTS (SELECT 1 FROM inbox_message WHERE person_id = $1 "
        "AND event IN ('announcement', 'announcement_urgent') AND facts->>'announcement' = $2)",
        person_id,
        announcement_id,
    )
    row = await fetch_one(
        "SELECT a.id, o.name AS organization_name, a.title, a.text, a.urgent, a.sent_at FROM announcement a "
        "JOIN organization o ON o.id = a.organization_id WHERE a.id = $1 AND a.state IN ('sending', 'sent')",
        announcement_id,
    )
    if row is None or not was_told:
        raise NotFound()
    return AnnouncementView(**dict(row))


async def describe_announcements(announcement_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """Words for messages; a withdrawn one is gone."""
    rows = await fetch(
        "SELECT a.id, a.title, a.text, o.name AS organization FROM announcement a "
        "JOIN organization o ON o.id = a.organization_id WHERE a.id = ANY($1) AND a.state <> 'withdrawn'",
        list(announcement_ids),
    )
    return {
        row["id"]: {
            "id": row["id"],
            "title": row["title"],
            "organization": row["organization"],
            "summary": _summarize(row["text"]),
        }
        for row in rows
    }


def _summarize(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SUMMARY_LENGTH else line[: SUMMARY_LENGTH - 1] + "…"
