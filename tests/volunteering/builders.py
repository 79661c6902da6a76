"""Activities, and people around them."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from server import clock
from server.organizations.models import Organization
from tests.builders import create_community, create_resident, create_staff
from tests.clients import Api

WORDS = {"title": "清洁家园", "text": "一起打扫小区。", "place_name": "社区广场", "contact": "小李 0631-5200000"}


class People(NamedTuple):
    """Three residents of a community, and one member of its staff."""

    community: Organization
    staff: Api
    first: Api
    second: Api
    third: Api


async def create_people(api: Api) -> People:
    community = await create_community(name="望海社区")
    residents = [await create_resident(api, community) for _ in range(3)]
    return People(community, await create_staff(api, community), *residents)


def shift(
    starts_in: timedelta = timedelta(days=3),
    *,
    minutes: int = 120,
    capacity: int = 2,
    roles: list[dict[str, Any]] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """The request's part for one shift."""
    starts_at = clock.now() + starts_in
    return {
        "starts_at": starts_at.isoformat(),
        "ends_at": (starts_at + timedelta(minutes=minutes)).isoformat(),
        "roles": roles or [{"name": "志愿者", "capacity": capacity}],
        **{name: value.isoformat() if isinstance(value, datetime) else value for name, value in more.items()},
    }


async def draft(staff: Api, organizer_id: str, *shifts: dict[str, Any], **more: Any) -> Any:
    """A draft activity, as its staff see it."""
    words = {**WORDS, **more.pop("words", {})}
    body = {"organizer_id": organizer_id, "kind": "volunteer", "words": words, "shifts": list(shifts), **more}
    return await staff.post("/staff/activities", body, expect=201)


async def publish(staff: Api, organizer_id: str, *shifts: dict[str, Any], **more: Any) -> Any:
    """A published activity, as its staff see it."""
    made = await draft(staff, organizer_id, *(shifts or (shift(),)), **more)
    made = await staff.post(f"/staff/activities/{made['id']}/submit")
    return await staff.post(f"/staff/activities/{made['id']}/publish", {"version": made["version"]})


async def publish_shift(people: People, starts_in: timedelta = timedelta(days=3), **more: Any) -> str:
    """A published activity with one shift; the shift's id."""
    shift_id: str = (await publish(people.staff, people.community.id, shift(starts_in, **more)))["shifts"][0]["id"]
    return shift_id


async def sign_up(person: Api, shift_id: str) -> Any:
    return await person.post(f"/shifts/{shift_id}/sign-ups", {}, expect=201)


async def code_of(staff: Api, shift_id: str, direction: str = "in") -> str:
    """The text of the code that the staff's screen shows now."""
    text: str = (await staff.get(f"/staff/shifts/{shift_id}/code", direction=direction))["text"]
    return text


async def events_of(person_id: str) -> list[str]:
    """What the person was told, in order."""
    from server.notifications.models import InboxMessage

    return [message.event for message in await InboxMessage.filter(person_id=person_id).order_by("id")]
