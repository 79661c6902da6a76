"""Changing when a service is open: weekly hours, and days that differ from them."""

from datetime import date, timedelta

from server.foundation import clock
from server.foundation.dates import minutes_of, today
from server.foundation.errors import InvalidFields, NotFound
from server.neighbor_center.changes.affected import NO_ANSWERS, Answers
from server.neighbor_center.changes.calendars import CalendarChange, change_calendar
from server.neighbor_center.opening.hours import Hours, check_period
from server.neighbor_center.opening.models import ExceptionKind, OpeningException, OpeningRule
from server.neighbor_center.opening.rules import check_year
from server.neighbor_center.venues.queries import get_service_row, require_service_of


async def add_opening_rule(
    actor_id: str,
    service_id: str,
    hours: Hours,
    *,
    valid_from: date,
    valid_until: date | None = None,
    answers: Answers = NO_ANSWERS,
) -> CalendarChange:
    """Weekly hours more. Bookings are affected where the new hours overlap older ones and so begin the slots anew."""
    service = await get_service_row(service_id)
    hours.check()
    check_period(valid_from, valid_until)

    async def write() -> str:
        return (await _create(service_id, hours, valid_from, valid_until)).id

    return await change_calendar(actor_id, service.venue_id, "add_opening_rule", write, answers)


async def change_weekly_hours(
    actor_id: str, service_id: str, hours: list[Hours], *, from_day: date, answers: Answers = NO_ANSWERS
) -> CalendarChange:
    """From that day on these are all the weekly hours of the service: older ones end the day before. In one step, so
    that only those are affected who fit into none of the new hours."""
    service = await get_service_row(service_id)
    for one in hours:
        one.check()
    check_year("from_day", from_day)
    if from_day < today():
        raise InvalidFields.of("from_day", "日期已过")

    async def write() -> str:
        older = OpeningRule.filter(service_id=service_id)
        day_before = from_day - timedelta(days=1)
        await older.filter(valid_until=None).update(valid_until=day_before)
        await older.filter(valid_until__gte=from_day).update(valid_until=day_before)
        for one in hours:
            await _create(service_id, one, from_day, None)
        return service_id

    return await change_calendar(actor_id, service.venue_id, "change_weekly_hours", write, answers)


async def end_opening_rule(
    actor_id: str, rule_id: str, last_day: date, answers: Answers = NO_ANSWERS
) -> CalendarChange:
    """`last_day` is the last on which the rule holds; one before it began means that it never does."""
    check_year("last_day", last_day)
    rule = await OpeningRule.get_or_none(id=rule_id)
    if rule is None:
        raise NotFound()
    service = await get_service_row(rule.service_id)

    async def write() -> str:
        await OpeningRule.filter(id=rule_id).update(valid_until=last_day)
        return rule_id

    return await change_calendar(actor_id, service.venue_id, "end_opening_rule", write, answers)


async def add_opening_exception(
    actor_id: str,
    venue_id: str,
    *,
    service_id: str | None,
    day: date,
    kind: ExceptionKind,
    opens: str,
    closes: str,
    answers: Answers,
) -> CalendarChange:
    """A closed day, closed hours, or extra hours, of the whole venue or of one service of it, with the answers' reason.
    Raises InvalidFields, NotFound."""
    if opens >= closes:
        raise InvalidFields.of("closes", "结束时间应晚于开始时间")
    check_year("day", day)
    if day < today():
        raise InvalidFields.of("day", "日期已过")
    await require_service_of(venue_id, service_id)

    async def write() -> str:
        exception = await OpeningException.create(
            venue_id=venue_id,
            service_id=service_id,
            day=day,
            kind=kind,
            opens=minutes_of(opens),
            closes=minutes_of(closes),
            reason=answers.reason,
        )
        return exception.id

    return await change_calendar(actor_id, venue_id, "add_opening_exception", write, answers)


async def end_opening_exception(actor_id: str, exception_id: str, answers: Answers = NO_ANSWERS) -> CalendarChange:
    """The day is as the rules have it again; taking extra hours back ends the bookings in them."""
    exception = await OpeningException.get_or_none(id=exception_id)
    if exception is None:
        raise NotFound()

    async def write() -> str:
        await OpeningException.filter(id=exception_id, ended_at=None).update(ended_at=clock.now())
        return exception_id

    return await change_calendar(actor_id, exception.venue_id, "end_opening_exception", write, answers)


async def _create(service_id: str, hours: Hours, valid_from: date, valid_until: date | None) -> OpeningRule:
    columns = hours.columns() | hours.season()
    return await OpeningRule.create(service_id=service_id, valid_from=valid_from, valid_until=valid_until, **columns)
