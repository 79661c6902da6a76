"""What all figures go by: from which day to which, and what a share is."""

from datetime import date

from server.foundation.errors import InvalidFields
from server.neighbor_center.opening.rules import check_year


def check_days(first_day: date, last_day: date, longest: int) -> None:
    """Raises InvalidFields for what is no span of days, or one of more than `longest`."""
    check_year("first_day", first_day)
    check_year("last_day", last_day)
    if not 0 <= (last_day - first_day).days < longest:
        raise InvalidFields.of("last_day", f"最多统计 {longest} 天")


def share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
