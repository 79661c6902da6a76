"""What wishes put on people's home page: what the wisher has to confirm, what the claimer has to do, and the wall."""

from server.calendars.home import HomeLines, HomePart

_COLUMNS = (
    "w.id AS page_id, w.title, w.place, NULL::timestamptz AS starts_at, {until} AS until, NULL::uuid AS person_id, "
)


def _lines(part: HomePart, kind: str, until: str, rest: str) -> HomeLines:
    columns = _COLUMNS.format(until=until)
    return HomeLines(part=part, page="pages/wish/detail?id={id}", sql=f"SELECT '{kind}' AS kind, {columns}{rest}")


_END_OF_DAY = "((w.wished_by + 1)::timestamp AT TIME ZONE 'Asia/Shanghai')"

LINES = (
    _lines(
        HomePart.TO_CONFIRM,
        "wish",
        "NULL::timestamptz",
        "w.id, w.state FROM wish w WHERE w.state = 'reported' AND (w.beneficiary_id = $1 "
        "OR w.author_id = $1 AND w.handed_to_staff_at IS NULL) ORDER BY w.id",
    ),
    _lines(
        HomePart.TO_DO,
        "wish_claim",
        "c.due_at",
        "c.id, c.state FROM wish_claim c JOIN wish w ON w.id = c.wish_id "
        "WHERE c.claimer_id = $1 AND c.state = 'open' ORDER BY c.due_at, c.id",
    ),
    _lines(
        HomePart.WISHES_NEARBY,
        "wish",
        _END_OF_DAY,
        "w.id, w.state FROM wish w WHERE w.state = 'published' "
        "AND w.community_id = (SELECT community_id FROM person WHERE id = $1) "
        "AND w.author_id <> $1 AND w.beneficiary_id <> $1 ORDER BY w.wished_by, w.id",
    ),
)
