"""Reading announcements: staff see those of their area, everybody else those of the area where they live, and what
they were told of."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from server.accounts.models import ConsentKind
from server.accounts.sharing import SharedCard, find_bar, make_card
from server.announcements.audience import AudienceView, count_audience
from server.announcements.models import AnnouncementAudience, AnnouncementState
from server.calendars.home import HomeLines, HomePart
from server.foundation.database import fetch, fetch_one, fetch_structs, fetch_value
from server.foundation.errors import NotFound
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery, fetch_page, fetch_struct_page
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


class AnnouncementCard(msgspec.Struct):
    """An announcement on the notice board; `summary` is the beginning of its text."""

    id: Id
    organization_name: str
    title: str
    summary: str
    urgent: bool
    sent_at: datetime


ON_BOARD = (
    "a.state IN ('sending', 'sent') AND a.organization_id IN (SELECT above.id FROM organization above "
    "JOIN organization home ON home.path <@ above.path JOIN person p ON p.community_id = home.id WHERE p.id = $1) "
    "AND (a.audience = 'residents' OR a.audience = 'volunteers' AND EXISTS (SELECT 1 FROM consent v "
    "WHERE v.person_id = $1 AND v.kind = 'volunteer_terms' AND v.withdrawn_at IS NULL))"
)
"""SQL: whether announcement `a` hangs on the notice board of the person $1: of their community or an area above it, and
meant for them."""

NOTICES = HomeLines(
    part=HomePart.NOTICES,
    page="pages/announcement/detail?id={id}",
    sql=(
        "SELECT 'announcement' AS kind, a.id, a.id AS page_id, a.title, o.name AS place, a.sent_at AS starts_at, "
        "NULL::timestamptz AS until, NULL::uuid AS person_id, a.state FROM announcement a "
        f"JOIN organization o ON o.id = a.organization_id WHERE {ON_BOARD} "
        "AND a.sent_at > $2 - interval '30 days' ORDER BY a.sent_at DESC, a.id DESC"
    ),
)
"""The board's latest, on the home page."""

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


async def list_announcements(person_id: str, page: PageQuery) -> Page[AnnouncementCard]:
    """The notice board of where the person lives, newest first: who moved there later finds it too."""
    rows = await fetch_page(
        "SELECT a.id, o.name AS organization_name, a.title, a.text, a.urgent, a.sent_at FROM announcement a "
        f"JOIN organization o ON o.id = a.organization_id WHERE {ON_BOARD} "
        "AND ($2::timestamptz IS NULL OR (a.sent_at, a.id) < ($2, $3::uuid)) "
        "ORDER BY a.sent_at DESC, a.id DESC LIMIT $4",
        person_id,
        page=page,
        key={"sent_at": datetime, "id": Id},
    )
    cards = [
        AnnouncementCard(
            id=row["id"],
            organization_name=row["organization_name"],
            title=row["title"],
            summary=_summarize(row["text"]),
            urgent=row["urgent"],
            sent_at=row["sent_at"],
        )
        for row in rows.items
    ]
    return Page(cards, rows.next_cursor)


async def get_announcement(person_id: str, announcement_id: str) -> AnnouncementView:
    """For those who were told of it, as long as their inbox has it, and those on whose notice board it hangs. Raises
    NotFound; also once it is withdrawn."""
    row = await fetch_one(
        "SELECT a.id, o.name AS organization_name, a.title, a.text, a.urgent, a.sent_at FROM announcement a "
        "JOIN organization o ON o.id = a.organization_id WHERE a.id = $1 AND a.state IN ('sending', 'sent')",
        announcement_id,
    )
    if row is None or not await _may_read(person_id, announcement_id):
        raise NotFound()
    return AnnouncementView(**dict(row))


async def _may_read(person_id: str, announcement_id: str) -> bool:
    return bool(
        await fetch_value(
            "SELECT EXISTS (SELECT 1 FROM inbox_message WHERE person_id = $1 "
            "AND event IN ('announcement', 'announcement_urgent') AND facts->>'announcement' = $2) "
            f"OR EXISTS (SELECT 1 FROM announcement a WHERE a.id = $3 AND {ON_BOARD})",
            person_id,
            announcement_id,
            announcement_id,
        )
    )


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


async def show_shared_announcement(person_id: str | None, announcement_id: str) -> SharedCard:
    """The card of an announcement, for anyone who has the link. Raises NotFound unless it was sent to an area."""
    row = await fetch_one(
        "SELECT a.id, a.title, a.audience, a.organization_id, o.name FROM announcement a "
        "JOIN organization o ON o.id = a.organization_id WHERE a.id = $1 AND a.state IN ('sending', 'sent')",
        announcement_id,
    )
    if row is None:
        raise NotFound()
    why = None
    # Who was told of it, and moved away since, reads it all the same.
    if person_id is None or not await _may_read(person_id, announcement_id):
        consent = {AnnouncementAudience.RESIDENTS: None, AnnouncementAudience.VOLUNTEERS: ConsentKind.VOLUNTEER_TERMS}
        if row["audience"] not in consent:
            # What was written to a few is theirs alone, its title too.
            raise NotFound()
        why = await find_bar(person_id, area_id=row["organization_id"], consent=consent[row["audience"]])
    return make_card(row["id"], row["title"], row["name"], why)
