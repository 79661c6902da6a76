"""Opening a figure to the rows that it was counted from, for those who may see them."""

from datetime import datetime

import msgspec

from server.figures.counting import counted
from server.figures.definitions import find_definition
from server.figures.definitions.definition import BEGIN, END, FREEZE, NOW, Definition
from server.figures.months import begins_at, ends_at, freezes_at
from server.figures.reading import read_month
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import transaction
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery, fetch_page
from server.notifications.rendering import SUBJECTS
from server.organizations.access import READERS, WORKERS, require_role
from server.organizations.tree import within


class FigureRow(msgspec.Struct, kw_only=True):
    """One thing that was counted: `kind` and `id` say which, `title` is what it is called, masked where it is somebody.
    Its part of the sums stands beside it; what was left out has `excluded`."""

    id: Id
    kind: str
    title: str
    organization_id: Id
    organization_name: str
    at: datetime
    numerator: int
    denominator: int
    excluded: int


async def list_figure_rows(
    actor_id: str, organization_id: str, code: str, month: str | None, page: PageQuery
) -> Page[FigureRow]:
    """The rows of a figure, as they are now, in the order in which they happened. What is about people is for those
    alone who work there, and noted. Raises NotAllowed, InvalidFields."""
    definition, when = find_definition(code), read_month("month", month)
    await require_role(actor_id, organization_id, WORKERS if definition.about_people else READERS)
    if definition.about_people:
        async with transaction():
            await record_audit(
                "open_figure",
                actor_id=actor_id,
                subject=("organization", organization_id),
                organization_id=organization_id,
                figure=code,
            )
    rows = await fetch_page(
        f"WITH span AS (SELECT {BEGIN}, {END}, {FREEZE}, {NOW}) "
        "SELECT x.id, x.subject_id, x.organization_id, o.name AS organization_name, x.at, x.numerator, x.denominator, "
        f"x.excluded FROM ({_rows(definition)}) x JOIN organization o ON o.id = x.organization_id "
        f"WHERE {within('o.path', '$5')} AND ($6::timestamptz IS NULL OR (x.at, x.id) > ($6, $7::uuid)) "
        "ORDER BY x.at, x.id LIMIT $8",
        begins_at(when),
        ends_at(when),
        freezes_at(when),
        clock.now(),
        organization_id,
        page=page,
        key={"at": datetime, "id": Id},
    )
    kind, word = definition.subject
    words = await SUBJECTS[kind](sorted({row["subject_id"] for row in rows.items}))
    items = [
        FigureRow(
            id=row["id"],
            kind=kind,
            title=words[row["subject_id"]][word] if row["subject_id"] in words else "",
            organization_id=row["organization_id"],
            organization_name=row["organization_name"],
            at=row["at"],
            numerator=row["numerator"],
            denominator=row["denominator"],
            excluded=row["excluded"],
        )
        for row in rows.items
    ]
    return Page(items, rows.next_cursor)


def _rows(definition: Definition) -> str:
    rows = f"FROM ({definition.sql}) r WHERE {counted(definition)}"
    if definition.is_distinct:
        return f"SELECT DISTINCT ON (r.id) r.* {rows} ORDER BY r.id, r.at"
    return f"SELECT r.* {rows}"
