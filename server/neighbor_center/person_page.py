"""What staff find on a person's page of neighbor centers: bookings, those that they did not come to, and complaints."""

from server.accounts.person_page import PersonSection
from server.neighbor_center.bookings.kinds import ROOMS, SLOTS, AnyKind
from server.neighbor_center.bookings.models import BookingState
from server.neighbor_center.feedback.models import ComplaintState
from server.places.models import NoShowReason

_HERE = "JOIN organization o ON o.id = v.organization_id"
_MINE = "person_id = $1 AND o.path <@ ANY($2::text[]::ltree[])"
_NAME = "concat_ws(' ', v.name, s.name) AS title"


def _page_of(kind: AnyKind) -> str:
    return f"pages/staff/{kind.table.replace('_', '-')}?id={{id}}"


def _bookings(kind: AnyKind, words: str) -> PersonSection:
    return PersonSection(
        kind=kind.table,
        words=words,
        states=BookingState,
        page=_page_of(kind),
        sql=(
            f"SELECT b.id, b.id AS page_id, {_NAME}, {kind.time}.starts_at AS at, {kind.state} AS state "
            f"FROM {kind.source} {_HERE} WHERE b.{_MINE}"
        ),
    )


def _no_shows(kind: AnyKind, words: str, missed: str) -> PersonSection:
    return PersonSection(
        kind=f"{kind.table}_no_show",
        words=words,
        states=NoShowReason,
        page=_page_of(kind),
        # Those that still count.
        sql=(
            f"SELECT n.id, b.id AS page_id, {_NAME}, n.happened_at AS at, n.reason AS state "
            f"FROM {kind.source} {_HERE} JOIN no_show n ON {missed} WHERE n.{_MINE} AND n.forgiven_at IS NULL"
        ),
    )


SECTIONS = (
    _bookings(SLOTS, "预约"),
    _bookings(ROOMS, "活动室预约"),
    _no_shows(SLOTS, "预约爽约", "n.place_id = b.place_id"),
    _no_shows(ROOMS, "活动室爽约", "n.subject_id = b.id"),
    PersonSection(
        kind="complaint",
        words="投诉",
        states=ComplaintState,
        page="pages/staff/complaint?id={id}",
        sql=(
            f"SELECT c.id, c.id AS page_id, {_NAME}, c.created_at AS at, c.state FROM complaint c "
            f"JOIN venue v ON v.id = c.venue_id LEFT JOIN service s ON s.id = c.service_id {_HERE} WHERE c.{_MINE}"
        ),
    ),
)
