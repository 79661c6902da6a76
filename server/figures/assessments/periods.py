"""Half-years and years, and their months."""

from datetime import date

from server.foundation.errors import InvalidFields


def months_of(period: str) -> list[date]:
    """`2031`, `2031H1` or `2031H2`. Raises InvalidFields."""
    year, half = int(period[:4]), period[4:]
    if half not in ("", "H1", "H2"):
        raise InvalidFields.of("period", "请填写年度或半年")
    first, last = {"": (1, 12), "H1": (1, 6), "H2": (7, 12)}[half]
    return [date(year, month, 1) for month in range(first, last + 1)]
