"""Reading announcements: staff see those of their area, everybody else those of the area where they live, and what
they were told of."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from server.accounts.models import ConsentKind
from server.accounts.sharing import Bar, SharedCard, find_bar, make_card
from server.announcements.audience import AudienceView, count_audience
from server.announcements.models import AnnouncementAudience, AnnouncementState
from server.calendars.home import HomeLines, HomePart
from server.foundation import clock
from server.foundation.database import execute, fetch, fetch_one, fetch_value
from server.foundation.errors import NotFound
from server.foundation.ids import Id, new_id
from server.foundation.pages import Page, PageQuery, fetch_page
from server.media.uploads.queries import PictureView, in_order, picture_views, ready_picture, thumbnail_address
from server.organizations.access import GRID_WORKERS, READERS, holds_role, require_role, require_role_or_hide

SUMMARY_LENGTH = 40


class StaffAnnouncementView(msgspec.Struct, kw_only=True):
    """An announcement as staff see it: `told` of the `expected` people have been told so far, and `read` have opened
    it, some of them from the notice board."""

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
    read: int
    pictures: list[PictureView]
    version: int


class AnnouncementView(msgspec.Struct):
    """An announcement as people read it."""

    id: Id
    organization_name: str
    title: str
    text: str
    urgent: bool
    sent_at: datetime
    pictures: list[PictureView]


class AnnouncementCard(msgspec.Struct):
    """An announcement on the notice board; `summary` is the beginning of its text, `thumbnail_url` its first
    picture."""

    id: Id
    organization_name: str
    title: str
    summary: str
    urgent: bool
    sent_at: datetime
    thumbnail_url: str | None


ON_BOARD = (
    "a.state IN ('sending', 'sent') AND a.organization_id IN (SELECT above.id FROM organization above "
    "JOIN organization home ON home.path <@ above.path JOIN person p ON home.id = COALESCE(p.grid_id, p.community_id) "
    "WHERE p.id = $1) "
    "AND (a.audience = 'residents' OR a.audience = 'volunteers' AND EXISTS (SELECT 1 FROM consent v "
    "WHERE v.person_id = $1 AND v.kind = 'volunteer_terms' AND v.withdrawn_at IS NULL))"
)
"""SQL: whether announcement `a` hangs on the notice board of the person $1: of their grid, their community or an area
above it, and meant for them."""

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
    "a.written_by_id, a.sent_by_id, a.sent_at, a.finished_at, a.withdrawn_at, a.expected, a.told, "
    "(SELECT count(*) FROM announcement_read r WHERE r.announcement_id = a.id) AS read, a.picture_ids, a.version"
)


async def get_staff_announcement(actor_id: str, announcement_id: str) -> StaffAnnouncementView:
    """Raises NotFound for who has no role there."""
    rows = await fetch(
        f"SELECT {_STAFF_COLUMNS} FROM announcement a JOIN organization o ON o.id = a.organization_id WHERE a.id = $1",
        announcement_id,
    )
    if not rows or not await holds_role(actor_id, rows[0]["organization_id"], _LOOKERS):
        raise NotFound()
    return (await _staff_views(rows))[0]


_LOOKERS = {*READERS, *GRID_WORKERS}


async def _staff_views(rows: list[Any]) -> list[StaffAnnouncementView]:
    return [StaffAnnouncementView(**values) for values in await _with_pictures(rows)]


async def list_staff_announcements(actor_id: str, organization_id: str, page: PageQuery) -> Page[StaffAnnouncementView]:
    """An organization's own announcements, newest first. Raises NotFound for who has no role there."""
    await require_role_or_hide(actor_id, organization_id, _LOOKERS)
    rows = await fetch_page(
        f"SELECT {_STAFF_COLUMNS} FROM announcement a JOIN organization o ON o.id = a.organization_id "
        "WHERE a.organization_id = $1 AND ($2::uuid IS NULL OR a.id < $2) ORDER BY a.id DESC LIMIT $3",
        organization_id,
        page=page,
    )
    return Page(await _staff_views(rows.items), rows.next_cursor)


async def preview_audience(actor_id: str, organization_id: str, audience: AnnouncementAudience) -> AudienceView:
    """How many people an announcement there would reach. Raises NotAllowed."""
    await require_role(actor_id, organization_id, GRID_WORKERS)
    return await count_audience(organization_id, audience)


async def list_announcements(person_id: str, page: PageQuery) -> Page[AnnouncementCard]:
    """The notice board of where the person lives, newest first: who moved there later finds it too."""
    rows = await fetch_page(
        "SELECT a.id, o.name AS organization_name, a.title, a.text, a.urgent, a.sent_at, "
        f"{ready_picture('a.picture_ids[1]')} FROM announcement a "
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
            thumbnail_url=thumbnail_address(row["picture_id"]),
        )
        for row in rows.items
    ]
    return Page(cards, rows.next_cursor)


async def get_announcement(person_id: str, announcement_id: str) -> AnnouncementView:
    """For those who were told of it, as long as their inbox has it, and those on whose notice board it hangs. Raises
    NotFound; also once it is withdrawn. That they opened it counts once."""
    row = await fetch_one(
        "SELECT a.id, o.name AS organization_name, a.title, a.text, a.urgent, a.sent_at, a.picture_ids "
        "FROM announcement a JOIN organization o ON o.id = a.organization_id "
        "WHERE a.id = $1 AND a.state IN ('sending', 'sent')",
        announcement_id,
    )
    if row is None or not await _may_read(person_id, announcement_id):
        raise NotFound()
    await execute(
        "INSERT INTO announcement_read (id, created_at, announcement_id, person_id) VALUES ($1, $2, $3, $4) "
        "ON CONFLICT DO NOTHING",
        new_id(),
        clock.now(),
        announcement_id,
        person_id,
    )
    return AnnouncementView(**(await _with_pictures([row]))[0])


async def _with_pictures(rows: list[Any]) -> list[dict[str, Any]]:
    """The rows' columns, with the pictures in place of their ids."""
    views = await picture_views(picture_id for row in rows for picture_id in row["picture_ids"])
    shown = []
    for row in rows:
        values = dict(row)
        shown.append(values | {"pictures": in_order(views, values.pop("picture_ids"))})
    return shown


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
    bar = Bar()
    # Who was told of it, and moved away since, reads it all the same.
    if person_id is None or not await _may_read(person_id, announcement_id):
        consent = {AnnouncementAudience.RESIDENTS: None, AnnouncementAudience.VOLUNTEERS: ConsentKind.VOLUNTEER_TERMS}
        if row["audience"] not in consent:
            # What was written to a few is theirs alone, its title too.
            raise NotFound()
        bar = await find_bar(person_id, area_id=row["organization_id"], consent=consent[row["audience"]])
    return make_card(row["id"], row["title"], row["name"], bar)
