"""What people see of a figure: its value, or why there is none. Pure: no database."""

from typing import Any

import msgspec

from server.figures.definitions.definition import Definition, Kind
from server.foundation.words import Worded

ENOUGH = 10
"""Of how many a share or a mean has to be: below, it says nothing, and nobody is ranked by it."""
FEWEST = 5
"""People of whom fewer are not told, so that nobody is found out."""
Sums = tuple[int, int, int]
"""Numerator, denominator, and what was left out."""
NOTHING: Sums = (0, 0, 0)


class Note(Worded):
    """Why there is no value."""

    FEW = "few", "少于 5，不显示"
    SMALL_SAMPLE = "small_sample", "样本不足"
    NOT_COUNTED = "not_counted", "尚未统计"


class Cell(msgspec.Struct, kw_only=True):
    """A value with its unit (`value_text` is how people read it), or the note that says why there is none; and the sums
    behind it, null where they would tell of few people."""

    value: float | None
    value_text: str
    why_none: Note | None = None
    numerator: int | None = None
    denominator: int | None = None
    excluded: int | None = None


def cell_of(definition: Definition, sums: Sums | None) -> Cell:
    """None: the month is not counted yet."""
    if sums is None:
        return _without(Note.NOT_COUNTED)
    numerator, denominator, excluded = sums
    left_out = None if definition.about_people and 0 < excluded < FEWEST else excluded
    if definition.about_people and _tells_of_few(definition, sums):
        few = definition.kind is Kind.COUNT or denominator >= ENOUGH
        return _without(Note.FEW if few else Note.SMALL_SAMPLE)
    told: dict[str, Any] = {"numerator": numerator, "denominator": denominator, "excluded": left_out}
    if definition.kind is not Kind.COUNT and denominator < ENOUGH:
        return Cell(value=None, value_text=Note.SMALL_SAMPLE.word, why_none=Note.SMALL_SAMPLE, **told)
    value = value_of(definition, sums)
    return Cell(value=value, value_text=show(definition, value), **told)


def hidden(cell: Cell) -> bool:
    """Whether it is not told for the people's sake."""
    return cell.numerator is None and cell.why_none is not Note.NOT_COUNTED


def hide(cell: Cell) -> None:
    """Not told either, since another one could be found from it."""
    cell.value, cell.value_text, cell.why_none = None, Note.FEW.word, Note.FEW
    cell.numerator = cell.denominator = cell.excluded = None


def value_of(definition: Definition, sums: Sums) -> float:
    """The figure itself. Of a share or a mean, something was there to be divided by."""
    numerator, denominator, _ = sums
    match definition.kind:
        case Kind.COUNT:
            return round(numerator / definition.scale, 1) if definition.scale > 1 else numerator
        case Kind.SHARE:
            return round(100 * numerator / denominator, 1)
        case Kind.MEAN:
            return round(numerator / denominator / definition.scale, 2)


def show(definition: Definition, value: float) -> str:
    number = f"{value:.2f}".rstrip("0").rstrip(".")
    return f"{number}%" if definition.unit == "%" else f"{number} {definition.unit}"


def change(definition: Definition, now: Cell, before: Cell) -> float | None:
    """By how much in a hundred it has changed; of shares, by how many points. None where either is not told, or there
    was nothing before."""
    if now.value is None or before.value is None:
        return None
    if definition.kind is Kind.SHARE:
        return round(now.value - before.value, 1)
    return round(100 * (now.value - before.value) / before.value, 1) if before.value else None


def _tells_of_few(definition: Definition, sums: Sums) -> bool:
    numerator, denominator, _ = sums
    if definition.kind is Kind.COUNT:
        return 0 < numerator < FEWEST
    if definition.kind is Kind.MEAN:
        return 0 < denominator < ENOUGH
    # Those of whom it is not so are people too.
    return 0 < denominator < ENOUGH or 0 < numerator < FEWEST or 0 < denominator - numerator < FEWEST


def _without(note: Note) -> Cell:
    return Cell(value=None, value_text=note.word, why_none=note)
