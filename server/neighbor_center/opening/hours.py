"""Weekly hours as staff give them."""

from datetime import date
from typing import Annotated, Any

import msgspec

from server.foundation.dates import minutes_of
from server.foundation.errors import InvalidFields
from server.neighbor_center.opening.models import RuleDays
from server.neighbor_center.opening.rules import check_year, weekday_set

WallClock = Annotated[str, msgspec.Meta(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$(?!\n)", description="09:00")]
Weekday = Annotated[int, msgspec.Meta(ge=1, le=7, description="1 Monday to 7 Sunday")]
MonthDay = Annotated[str, msgspec.Meta(pattern=r"^[01][0-9]-[0-3][0-9]$(?!\n)", description="06-01")]


class Hours(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Weekly hours by people's clocks. `days` says how they go with public holidays: `workdays` follow the national
    calendar (closed on holidays, open on make-up working days), `not_holidays` are closed on holidays, `every_week` go
    by the weekday alone, `holidays` hold on holidays only. Hours of a season hold each year between two days."""

    weekdays: Annotated[list[Weekday], msgspec.Meta(min_length=1, max_length=7)]
    opens: WallClock
    closes: WallClock
    days: RuleDays
    season_from: MonthDay | None = None
    season_until: MonthDay | None = None

    def check(self) -> None:
        """Raises InvalidFields."""
        if self.opens >= self.closes:
            raise InvalidFields.of("closes", "结束时间应晚于开始时间")
        if (self.season_from is None) != (self.season_until is None):
            raise InvalidFields.of("season_until", "季节的起止日期须同时填写")
        for field in ("season_from", "season_until"):
            _season_day(field, getattr(self, field))

    def columns(self) -> dict[str, Any]:
        """As OpeningRule and Duty have them in common."""
        return {
            "weekdays": weekday_set(self.weekdays),
            "opens": minutes_of(self.opens),
            "closes": minutes_of(self.closes),
            "days": self.days,
        }

    def season(self) -> dict[str, int | None]:
        """As OpeningRule has it."""
        return {field: _season_day(field, getattr(self, field)) for field in ("season_from", "season_until")}


def check_period(valid_from: date, valid_until: date | None) -> None:
    """Raises InvalidFields."""
    check_year("valid_from", valid_from)
    check_year("valid_until", valid_until or valid_from)
    if valid_until and valid_until < valid_from:
        raise InvalidFields.of("valid_until", "不能早于生效日期")


def _season_day(field: str, text: str | None) -> int | None:
    """06-01 → 601. Raises InvalidFields."""
    if text is None:
        return None
    try:
        day = date.fromisoformat(f"2000-{text}")  # a leap year
    except ValueError:
        raise InvalidFields.of(field, "没有这一天") from None
    return day.month * 100 + day.day
