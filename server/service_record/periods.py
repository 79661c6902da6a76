"""Spans of Shanghai time that reports and rankings are made for: months, half-years, years."""

import re
from datetime import datetime
from typing import NamedTuple

from server.foundation import clock
from server.foundation.errors import InvalidFields

_CODE = re.compile(r"(20\d\d)(?:-(0[1-9]|1[0-2])|H([12]))?")


class HalfYear(NamedTuple):
    """January to June, or July to December."""

    year: int
    half: int

    @property
    def code(self) -> str:
        """`2026H1`; codes sort by time."""
        return f"{self.year}H{self.half}"

    @property
    def words(self) -> str:
        return f"{self.year}年{'上' if self.half == 1 else '下'}半年"

    @property
    def starts_at(self) -> datetime:
        return _first_of(self.year, 1 if self.half == 1 else 7)

    @property
    def ends_at(self) -> datetime:
        """The first instant that lies no longer in it."""
        return self.following.starts_at

    @property
    def following(self) -> "HalfYear":
        return HalfYear(self.year, 2) if self.half == 1 else HalfYear(self.year + 1, 1)

    @property
    def preceding(self) -> "HalfYear":
        return HalfYear(self.year - 1, 2) if self.half == 1 else HalfYear(self.year, 1)


def half_year_of(moment: datetime) -> HalfYear:
    """The half-year on people's clocks that `moment` lies in."""
    local = clock.shanghai(moment)
    return HalfYear(local.year, 1 if local.month <= 6 else 2)


def read_half_year(code: str) -> HalfYear:
    """The half-year of a code that is known to be one."""
    return HalfYear(int(code[:4]), int(code[5:]))


class Month(NamedTuple):
    """A calendar month."""

    year: int
    month: int

    @property
    def code(self) -> str:
        """`2026-07`; codes sort by time."""
        return f"{self.year}-{self.month:02}"

    @property
    def starts_at(self) -> datetime:
        return _first_of(self.year, self.month)

    @property
    def ends_at(self) -> datetime:
        """The first instant that lies no longer in it."""
        return self.following.starts_at

    @property
    def following(self) -> "Month":
        return Month(self.year, self.month + 1) if self.month < 12 else Month(self.year + 1, 1)

    @property
    def preceding(self) -> "Month":
        return Month(self.year, self.month - 1) if self.month > 1 else Month(self.year - 1, 12)


def month_of(moment: datetime) -> Month:
    """The month on people's clocks that `moment` lies in."""
    local = clock.shanghai(moment)
    return Month(local.year, local.month)


def read_month(code: str) -> Month:
    """The month of a code that is known to be one."""
    return Month(int(code[:4]), int(code[5:]))


def span_of(code: str) -> tuple[datetime, datetime]:
    """Begin and end of `2026-07`, `2026H2` or `2026`. Raises InvalidFields for anything else."""
    found = _CODE.fullmatch(code)
    if found is None:
        raise InvalidFields.of("period", "请用 2026-07、2026H2 或 2026 这样的格式")
    year, month, half = int(found[1]), found[2], found[3]
    if month:
        span: Month | HalfYear = Month(year, int(month))
        return span.starts_at, span.ends_at
    if half:
        span = HalfYear(year, int(half))
        return span.starts_at, span.ends_at
    return _first_of(year, 1), _first_of(year + 1, 1)


def _first_of(year: int, month: int) -> datetime:
    return datetime(year, month, 1, tzinfo=clock.SHANGHAI)
