"""What staff set up: venues, services, their hours."""

from datetime import date
from typing import Any

from server import clock
from server.audit import record_audit
from server.database import transaction
from server.errors import EditedMeanwhile, InvalidFields, NotFound, WrongState
from server.neighbor_center.calendars import CalendarChange, change_calendar, change_slot_capacity
from server.neighbor_center.models import (
    ExceptionKind,
    OpeningException,
    OpeningRule,
    Service,
    ServiceKind,
    Venue,
    VenueState,
)
from server.neighbor_center.rules import GRID_MINUTES, weekday_set
from server.neighbor_center.terms import check_year
from server.organizations.access import require_role
from server.organizations.models import Organization


async def create_venue(actor_id: str, organization_id: str, fields: dict[str, Any]) -> str:
    """A new venue of the organization; its id. `fields` are columns of Venue. Raises NotAllowed, InvalidFields."""
    async with transaction():
        organization = await Organization.get_or_none(id=organization_id)
        if organization is None or organization.closed_at:
            raise InvalidFields.of("organization_id", "组织不存在或已撤销")
        await require_role(actor_id, organization_id)
        venue = await Venue.create(organization_id=organization_id, **fields)
        await record_audit(
            "create_venue", actor_id=actor_id, subject=("venue", venue.id), organization_id=organization_id
        )
    return venue.id


async def update_venue(
    actor_id: str, venue_id: str, version: int, fields: dict[str, Any], *, cancel_bookings: list[str], reason: str
) -> CalendarChange:
    """Change a venue; closing it ends its coming bookings (see change_calendar). Raises EditedMeanwhile."""

    async def write() -> str:
        venue = await Venue.get(id=venue_id)
        if venue.version != version:
            raise EditedMeanwhile()
        await venue.update_from_dict(fields | {"version": version + 1}).save()
        return venue_id

    return await change_calendar(
        actor_id, venue_id, "update_venue", write, cancel_bookings=cancel_bookings, reason=reason
    )


async def create_service(actor_id: str, venue_id: str, fields: dict[str, Any]) -> str:
    """A new service of the venue; its id. It has no hours yet. Raises NotFound, NotAllowed, InvalidFields."""
    async with transaction():
        venue = await Venue.get_or_none(id=venue_id)
        if venue is None:
            raise NotFound()
        await require_role(actor_id, venue.organization_id)
        if venue.state is VenueState.CLOSED:
            raise WrongState("该场所已关闭")
        service = Service(venue_id=venue_id, **fields)
        _check_service(service)
        await service.save(force_create=True)
        await record_audit(
            "create_service",
            actor_id=actor_id,
            subject=("service", service.id),
            organization_id=venue.organization_id,
        )
    return service.id


async def update_service(
    actor_id: str, service_id: str, version: int, fields: dict[str, Any], *, cancel_bookings: list[str], reason: str
) -> CalendarChange:
    """Change a service. Another length or pause moves its slots, ending it ends its coming bookings (see
    change_calendar); another capacity holds for all slots to come. Raises EditedMeanwhile, InvalidFields."""
    service = await _get_service(service_id)

    async def write() -> str:
        nonlocal service
        service = await Service.get(id=service_id)
        if service.version != version:
            raise EditedMeanwhile()
        service.update_from_dict(fields | {"version": version + 1})
        _check_service(service)
        await service.save()
        return service_id

    async def then() -> None:
        if "capacity" in fields:
            await change_slot_capacity(service)

    return await change_calendar(
        actor_id,
        service.venue_id,
        "update_service",
        write,
        cancel_bookings=cancel_bookings,
        reason=reason,
        then=then,
    )


async def add_opening_rule(
    actor_id: str,
    service_id: str,
    *,
    weekdays: list[int],
    opens: int,
    closes: int,
    valid_from: date,
    valid_until: date | None,
    cancel_bookings: list[str],
) -> CalendarChange:
    """Weekly hours more. Bookings are affected where the new hours overlap older ones and so begin the slots anew."""
    service = await _get_service(service_id)
    _check_hours(opens, closes)
    check_year("valid_from", valid_from)
    check_year("valid_until", valid_until or valid_from)
    if valid_until and valid_until < valid_from:
        raise InvalidFields.of("valid_until", "不能早于生效日期")

    async def write() -> str:
        rule = await OpeningRule.create(
            service_id=service_id,
            weekdays=weekday_set(weekdays),
            opens=opens,
            closes=closes,
            valid_from=valid_from,
            valid_until=valid_until,
        )
        return rule.id

    return await change_calendar(actor_id, service.venue_id, "add_opening_rule", write, cancel_bookings=cancel_bookings)


async def end_opening_rule(
    actor_id: str, rule_id: str, last_day: date, *, cancel_bookings: list[str], reason: str
) -> CalendarChange:
    """`last_day` is the last on which the rule holds; one before it began means that it never does."""
    check_year("last_day", last_day)
    rule = await OpeningRule.get_or_none(id=rule_id)
    if rule is None:
        raise NotFound()
    service = await _get_service(rule.service_id)

    async def write() -> str:
        await OpeningRule.filter(id=rule_id).update(valid_until=last_day)
        return rule_id

    return await change_calendar(
        actor_id, service.venue_id, "end_opening_rule", write, cancel_bookings=cancel_bookings, reason=reason
    )


async def add_opening_exception(
    actor_id: str,
    venue_id: str,
    *,
    service_id: str | None,
    day: date,
    kind: ExceptionKind,
    opens: int,
    closes: int,
    reason: str,
    cancel_bookings: list[str],
) -> CalendarChange:
    """A closed day, closed hours, or extra hours, of the whole venue or of one service of it."""
    _check_hours(opens, closes)
    check_year("day", day)
    if day < clock.shanghai(clock.now()).date():
        raise InvalidFields.of("day", "日期已过")
    if service_id is not None and (await _get_service(service_id)).venue_id != venue_id:
        raise InvalidFields.of("service_id", "该场所没有这项服务")

    async def write() -> str:
        exception = await OpeningException.create(
            venue_id=venue_id,
            service_id=service_id,
            day=day,
            kind=kind,
            opens=opens,
            closes=closes,
            reason=reason,
        )
        return exception.id

    return await change_calendar(
        actor_id, venue_id, "add_opening_exception", write, cancel_bookings=cancel_bookings, reason=reason
    )


async def end_opening_exception(
    actor_id: str, exception_id: str, *, cancel_bookings: list[str], reason: str
) -> CalendarChange:
    """The day is as the rules have it again; taking extra hours back ends the bookings in them."""
    exception = await OpeningException.get_or_none(id=exception_id)
    if exception is None:
        raise NotFound()

    async def write() -> str:
        await OpeningException.filter(id=exception_id, ended_at=None).update(ended_at=clock.now())
        return exception_id

    return await change_calendar(
        actor_id,
        exception.venue_id,
        "end_opening_exception",
        write,
        cancel_bookings=cancel_bookings,
        reason=reason,
    )


async def _get_service(service_id: str) -> Service:
    service = await Service.get_or_none(id=service_id)
    if service is None:
        raise NotFound()
    return service


def _check_hours(opens: int, closes: int) -> None:
    if opens >= closes:
        raise InvalidFields.of("closes", "结束时间应晚于开始时间")


def _check_service(service: Service) -> None:
    """What the columns must agree on. Raises InvalidFields."""
    if service.max_party_size > service.capacity:
        raise InvalidFields.of("max_party_size", "不能超过每个时段的名额")
    if service.kind is ServiceKind.ROOM:
        if service.longest_minutes is None or service.longest_minutes < service.minutes:
            raise InvalidFields.of("longest_minutes", "活动室须填写最长时间，且不短于最短时间")
        if service.minutes % GRID_MINUTES or service.longest_minutes % GRID_MINUTES:
            raise InvalidFields.of("minutes", f"活动室的时间须为 {GRID_MINUTES} 分钟的整数倍")
    elif service.longest_minutes is not None:
        raise InvalidFields.of("longest_minutes", "只有活动室需要填写")
