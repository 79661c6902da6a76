"""Venues and services as staff set them up. (Their hours: hours.py; who is on duty: opening/duties.py.)"""

from typing import Any

from server.foundation.audit import record_audit
from server.foundation.database import fetch_value, transaction
from server.foundation.errors import EditedMeanwhile, InvalidFields, NotFound, WrongState
from server.media.uploads.uploading import attach_pictures, change_pictures
from server.neighbor_center.bookings.slots import change_slot_capacity
from server.neighbor_center.changes.affected import NO_ANSWERS, Answers
from server.neighbor_center.changes.calendars import CalendarChange, change_calendar
from server.neighbor_center.opening.offers import ServiceView, VenueView, get_service, get_venue
from server.neighbor_center.opening.rules import GRID_MINUTES
from server.neighbor_center.venues.models import Service, ServiceKind, ServiceMode, Venue, VenueState
from server.neighbor_center.venues.queries import get_service_row
from server.organizations.access import require_role
from server.organizations.models import Organization
from server.organizations.tree import within


async def create_venue(actor_id: str, organization_id: str, fields: dict[str, Any]) -> VenueView:
    """A new venue of the organization. `fields` are columns of Venue. Raises NotAllowed, InvalidFields,
    PictureUnusable."""
    async with transaction():
        organization = await Organization.get_or_none(id=organization_id)
        if organization is None or organization.closed_at:
            raise InvalidFields.of("organization_id", "组织不存在或已撤销")
        await require_role(actor_id, organization_id)
        venue = await Venue.create(organization_id=organization_id, **fields)
        await attach_pictures(actor_id, venue.picture_ids, ("venue", venue.id))
        await record_audit(
            "create_venue", actor_id=actor_id, subject=("venue", venue.id), organization_id=organization_id
        )
        return await get_venue(venue.id)


async def update_venue(
    actor_id: str, venue_id: str, version: int, fields: dict[str, Any], answers: Answers = NO_ANSWERS
) -> CalendarChange:
    """Change a venue; closing it ends its coming bookings (see change_calendar). Raises EditedMeanwhile,
    PictureUnusable."""

    async def write() -> str:
        venue = await Venue.get(id=venue_id)
        if venue.version != version:
            raise EditedMeanwhile()
        before = list(venue.picture_ids)
        await venue.update_from_dict(fields | {"version": version + 1}).save()
        # Who adds a picture has uploaded it; those that stay may be a colleague's.
        await change_pictures(actor_id, before, venue.picture_ids, ("venue", venue_id))
        return venue_id

    return await change_calendar(actor_id, venue_id, "update_venue", write, answers)


async def create_service(actor_id: str, venue_id: str, fields: dict[str, Any]) -> ServiceView:
    """A new service of the venue. It has no hours yet. Raises NotFound, NotAllowed, InvalidFields."""
    async with transaction():
        venue = await Venue.get_or_none(id=venue_id)
        if venue is None:
            raise NotFound()
        await require_role(actor_id, venue.organization_id)
        if venue.state is VenueState.CLOSED:
            raise WrongState("该场所已关闭")
        service = Service(venue_id=venue_id, **fields)
        await _check_service(service, venue.organization_id)
        await service.save(force_create=True)
        await record_audit(
            "create_service",
            actor_id=actor_id,
            subject=("service", service.id),
            organization_id=venue.organization_id,
        )
        return await get_service(service.id)


async def update_service(
    actor_id: str, service_id: str, version: int, fields: dict[str, Any], answers: Answers = NO_ANSWERS
) -> CalendarChange:
    """Change a service. Another length or pause moves its slots, ending it ends its coming bookings (see
    change_calendar); another capacity holds for all slots to come. Raises EditedMeanwhile, InvalidFields."""
    service = await get_service_row(service_id)

    async def write() -> str:
        nonlocal service
        service = await Service.get(id=service_id)
        if service.version != version:
            raise EditedMeanwhile()
        service.update_from_dict(fields | {"version": version + 1})
        venue = await Venue.get(id=service.venue_id)
        await _check_service(service, venue.organization_id)
        await service.save()
        return service_id

    async def then() -> None:
        if "capacity" in fields:
            await change_slot_capacity(service)

    return await change_calendar(actor_id, service.venue_id, "update_service", write, answers, then=then)


async def _check_service(service: Service, organization_id: str) -> None:
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
    if service.kind is ServiceKind.ROOM and service.mode is not ServiceMode.AT_VENUE:
        raise InvalidFields.of("mode", "活动室只能在场所内使用")
    if service.mode is ServiceMode.HOME_VISIT:
        await _check_areas(service.area_ids, organization_id)
    elif service.area_ids or service.travel_minutes:
        raise InvalidFields.of("area_ids" if service.area_ids else "travel_minutes", "只有上门服务需要填写")


async def _check_areas(area_ids: list[str], organization_id: str) -> None:
    inside = await fetch_value(
        "SELECT count(*) FROM organization a WHERE a.id = ANY($1::uuid[]) AND a.closed_at IS NULL "
        f"AND {within('a.path', '$2')}",
        area_ids,
        organization_id,
    )
    if inside != len(set(area_ids)):
        raise InvalidFields.of("area_ids", "服务范围须在本组织的辖区内")
