from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint

from server.foundation.database import IdField, Model, SqlIndex, foreign_key
from server.foundation.words import Worded


class RuleDays(Worded):
    """Which days weekly hours hold on, once public holidays and make-up working days 调休上班 come in.

    `every_week`: by the weekday alone. `not_holidays`: the same, less public holidays. `workdays`: the same, and also
    on make-up working days, whatever their weekday. `holidays`: only on public holidays.
    """

    EVERY_WEEK = "every_week", "每周"
    NOT_HOLIDAYS = "not_holidays", "每周（节假日除外）"
    WORKDAYS = "workdays", "工作日（含调休上班）"
    HOLIDAYS = "holidays", "仅节假日"


class OpeningRule(Model):
    """Weekly hours of a service. `weekdays` has bit 0 for Monday to bit 6 for Sunday; `opens` and `closes` are minutes
    after midnight in Shanghai; `valid_until` is the last day (empty: until further notice).

    Hours of a season hold each year from `season_from` to `season_until`, both included, as month × 100 + day: summer
    is 601 to 930, winter 1001 to 531.
    """

    service = foreign_key("Service")
    service_id: str
    weekdays = fields.SmallIntField()
    opens = fields.SmallIntField()
    closes = fields.SmallIntField()
    days = fields.CharEnumField(RuleDays, max_length=16, default=RuleDays.EVERY_WEEK)
    season_from = fields.SmallIntField(null=True)
    season_until = fields.SmallIntField(null=True)
    valid_from = fields.DateField()
    valid_until = fields.DateField(null=True)

    class Meta:
        table = "opening_rule"
        constraints = [
            CheckConstraint(check="weekdays BETWEEN 1 AND 127", name="opening_rule_weekdays"),
            CheckConstraint(check="0 <= opens AND opens < closes AND closes <= 1440", name="opening_rule_hours"),
            CheckConstraint(check="(season_from IS NULL) = (season_until IS NULL)", name="opening_rule_season"),
        ]
        indexes = [SqlIndex(name="opening_rule_service", columns="service_id, id")]


class ExceptionKind(Worded):
    CLOSED = "closed", "停止开放"
    EXTRA = "extra", "增加开放"


class OpeningException(Model):
    """A day that differs from the rules: closed hours (or the whole day), or extra hours; of one service, or, without
    one, of the whole venue. Where both kinds meet, closed wins. `reason` is told to those whose bookings it ends."""

    venue = foreign_key("Venue")
    venue_id: str
    service = foreign_key("Service", null=True)
    day = fields.DateField()
    kind = fields.CharEnumField(ExceptionKind, max_length=8)
    opens = fields.SmallIntField(default=0)
    closes = fields.SmallIntField(default=1440)
    reason = fields.CharField(max_length=100, default="")
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "opening_exception"
        constraints = [
            CheckConstraint(check="0 <= opens AND opens < closes AND closes <= 1440", name="opening_exception_hours"),
        ]
        indexes = [SqlIndex(name="opening_exception_day", columns="venue_id, day", where="ended_at IS NULL")]


class DutyKind(Worded):
    """How somebody serves at a venue (the policy's section 15): sits there 坐班, is on call 值班, works at hours when
    offices are closed 错时, or longer than they are open 延时."""

    SEATED = "seated", "坐班"
    ON_CALL = "on_call", "值班"
    STAGGERED = "staggered", "错时"
    EXTENDED = "extended", "延时"


class Duty(Model):
    """When somebody is on duty at a venue, or at one service of it. Hours and days are as in OpeningRule; `shown_as` is
    what the public reads (王医生，全科)."""

    venue = foreign_key("Venue")
    venue_id: str
    service = foreign_key("Service", null=True)
    person_id = IdField()
    shown_as = fields.CharField(max_length=40)
    kind = fields.CharEnumField(DutyKind, max_length=16)
    weekdays = fields.SmallIntField()
    opens = fields.SmallIntField()
    closes = fields.SmallIntField()
    days = fields.CharEnumField(RuleDays, max_length=16, default=RuleDays.WORKDAYS)
    valid_from = fields.DateField()
    valid_until = fields.DateField(null=True)

    class Meta:
        table = "duty"
        constraints = [
            CheckConstraint(check="weekdays BETWEEN 1 AND 127", name="duty_weekdays"),
            CheckConstraint(check="0 <= opens AND opens < closes AND closes <= 1440", name="duty_hours"),
        ]
        indexes = [
            SqlIndex(name="duty_venue", columns="venue_id, valid_until"),
            SqlIndex(name="duty_person", columns="person_id, valid_until"),
        ]
