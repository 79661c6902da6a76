"""Reading figures: all of one organization in a month, and one of them over time."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime

import msgspec

from server.figures.cells import NOTHING, Cell, Sums, cell_of, change
from server.figures.definitions import ALL, find_definition
from server.figures.definitions.definition import Better, Definition, Kind
from server.figures.months import months_on, this_month
from server.foundation.database import fetch
from server.foundation.errors import InvalidFields
from server.foundation.ids import Id
from server.organizations.access import READERS, require_role

LONGEST_MONTHS = 36


class FigureDefinition(msgspec.Struct, kw_only=True):
    """What a figure is: what counts, what does not, and where it is from."""

    code: str
    words: str
    unit: str
    kind: Kind
    better: Better
    what_counts: str
    leaves_out: str
    source: str
    is_state: bool
    about_people: bool


class Reading(Cell, kw_only=True):
    """A figure of one organization in one month, with how it has changed since the month before 环比 and since the same
    month a year ago 同比: in a hundred, shares by points. An open month is not over, and has no changes."""

    month: str
    is_open: bool
    month_on_month: float | None = None
    year_on_year: float | None = None


class FigureReading(Reading, kw_only=True):
    code: str
    words: str
    unit: str
    better: Better


class FiguresOfMonth(msgspec.Struct, kw_only=True):
    """All figures of an organization's subtree in a month, as they were `counted_at`; frozen, they stay as they are."""

    organization_id: Id
    month: str
    is_open: bool
    counted_at: datetime | None
    frozen_at: datetime | None
    items: list[FigureReading]


class FigureSeries(msgspec.Struct, kw_only=True):
    """One figure, month by month."""

    organization_id: Id
    code: str
    words: str
    unit: str
    items: list[Reading]


class MonthState(msgspec.Struct):
    counted_at: datetime | None
    frozen_at: datetime | None


def list_definitions() -> list[FigureDefinition]:
    names = FigureDefinition.__struct_fields__
    return [FigureDefinition(**{name: getattr(each, name) for name in names}) for each in ALL]


class Facts:
    """Some sums, and which months are counted."""

    def __init__(self, sums: dict[tuple[str, str, date], Sums], months: dict[date, MonthState]) -> None:
        self.sums, self.months = sums, months

    def of(self, organization_id: str, code: str, month: date) -> Sums | None:
        """None where the month is not counted yet; what is nothing has no row."""
        state = self.months.get(month)
        if state is None or state.counted_at is None:
            return None
        return self.sums.get((organization_id, code, month), NOTHING)

    def cell(self, definition: Definition, organization_id: str, month: date) -> Cell:
        return cell_of(definition, self.of(organization_id, definition.code, month))

    def changes(
        self, definition: Definition, organization_id: str, month: date, now: Cell
    ) -> tuple[float | None, float | None]:
        """Since the month before, and since a year ago; none of a month that is not over."""
        if month >= this_month():
            return None, None
        before, year_ago = (self.cell(definition, organization_id, months_on(month, back)) for back in (-1, -12))
        return change(definition, now, before), change(definition, now, year_ago)

    def reading(self, definition: Definition, organization_id: str, month: date) -> Reading:
        now = self.cell(definition, organization_id, month)
        since_month, since_year = self.changes(definition, organization_id, month, now)
        return Reading(
            month=name_of(month),
            is_open=month >= this_month(),
            month_on_month=since_month,
            year_on_year=since_year,
            **msgspec.structs.asdict(now),
        )


async def load_facts(
    organization_ids: Sequence[str], codes: Iterable[str], months: Iterable[date], *, with_before: bool = True
) -> Facts:
    """The sums of these months, and of those with which they are compared."""
    wanted = set(months)
    if with_before:
        wanted |= {months_on(month, back) for month in wanted for back in (-1, -12)}
    rows = await fetch(
        "SELECT f.organization_id, f.code, f.month, f.numerator, f.denominator, f.excluded FROM figure f "
        "WHERE f.month = ANY($1::date[]) AND f.organization_id = ANY($2::uuid[]) AND f.code = ANY($3::text[])",
        sorted(wanted),
        list(organization_ids),
        list(codes),
    )
    states = await fetch(
        "SELECT month, counted_at, frozen_at FROM figure_month WHERE month = ANY($1::date[])", sorted(wanted)
    )
    return Facts(
        {
            (row["organization_id"], row["code"], row["month"]): (row["numerator"], row["denominator"], row["excluded"])
            for row in rows
        },
        {row["month"]: MonthState(row["counted_at"], row["frozen_at"]) for row in states},
    )


async def get_figures(actor_id: str, organization_id: str, month: str | None) -> FiguresOfMonth:
    """By default of this month. Raises NotAllowed, InvalidFields."""
    await require_role(actor_id, organization_id, READERS)
    when = read_month("month", month)
    facts = await load_facts([organization_id], [each.code for each in ALL], [when])
    state = facts.months.get(when)
    return FiguresOfMonth(
        organization_id=organization_id,
        month=name_of(when),
        is_open=when >= this_month(),
        counted_at=state.counted_at if state else None,
        frozen_at=state.frozen_at if state else None,
        items=[
            FigureReading(
                code=each.code,
                words=each.words,
                unit=each.unit,
                better=each.better,
                **msgspec.structs.asdict(facts.reading(each, organization_id, when)),
            )
            for each in ALL
        ],
    )


async def get_figure_series(
    actor_id: str, organization_id: str, code: str, first_month: str | None, last_month: str | None
) -> FigureSeries:
    """By default of this month and the twelve before. Raises NotAllowed, InvalidFields."""
    await require_role(actor_id, organization_id, READERS)
    definition = find_definition(code)
    last = read_month("last_month", last_month)
    first = read_month("first_month", first_month) if first_month else months_on(last, -12)
    if not first <= last < months_on(first, LONGEST_MONTHS):
        raise InvalidFields.of("first_month", f"起止月份应先后有序，且不超过 {LONGEST_MONTHS} 个月")
    months = [first]
    while months[-1] < last:
        months.append(months_on(months[-1], 1))
    facts = await load_facts([organization_id], [code], months)
    return FigureSeries(
        organization_id=organization_id,
        code=code,
        words=definition.words,
        unit=definition.unit,
        items=[facts.reading(definition, organization_id, month) for month in months],
    )


def read_month(field: str, text: str | None) -> date:
    """`2031-03` as its first day; this month where none is said. Raises InvalidFields for one that is to come."""
    if text is None:
        return this_month()
    month = date.fromisoformat(f"{text}-01")
    if month > this_month():
        raise InvalidFields.of(field, "这个月还没有到")
    return month


def name_of(month: date) -> str:
    return f"{month:%Y-%m}"
