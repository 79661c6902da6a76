from typing import Any

from tortoise import fields
from tortoise.migrations.constraints import UniqueConstraint

from server.foundation.database import IdField, Model, SqlIndex
from server.foundation.words import Worded


class CalendarFeed(Model):
    """A person's feed; its id, signed, is the address."""

    person_id = IdField()
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "calendar_feed"
        indexes = [SqlIndex(name="calendar_feed_person", columns="person_id", where="ended_at IS NULL", unique=True)]


class DayKind(Worded):
    """A public holiday 放假, or a working day in exchange for one 调休上班."""

    HOLIDAY = "holiday", "放假"
    WORKDAY = "workday", "调休上班"


class HolidayYear(Model):
    """The public holidays of a year as staff loaded them; such a year stands in for the library's (holidays.py).

    `days` is a list of {"day", "kind", "name"}: holidays, and make-up working days.
    """

    year = fields.SmallIntField()
    days: Any = fields.JSONField()
    loaded_by_id = IdField(null=True)
    version = fields.IntField(default=1)

    class Meta:
        table = "holiday_year"
        constraints = [UniqueConstraint(fields=("year",), name="holiday_year_once")]
