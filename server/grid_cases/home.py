"""What cases put on people's home page: the answer that waits for a word."""

from server.calendars.home import HomeLines, HomePart

LINES = (
    HomeLines(
        part=HomePart.TO_RATE,
        page="pages/case/detail?id={id}",
        sql="SELECT 'grid_case' AS kind, c.id AS page_id, k.name AS title, c.place, NULL::timestamptz AS starts_at, "
        "c.close_at AS until, NULL::uuid AS person_id, c.id, c.state FROM grid_case c "
        "JOIN case_category k ON k.id = c.category_id WHERE c.reporter_id = $1 AND c.state = 'checked' ORDER BY c.id",
    ),
)
