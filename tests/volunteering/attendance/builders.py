"""Shifts that people were at, and minutes that were confirmed."""

from datetime import datetime, timedelta
from typing import Any

from server.foundation import clock
from server.volunteering.hours.models import Hours
from tests.builders import move_clock_to
from tests.clients import Api
from tests.volunteering.builders import People, code_of, publish_shift, sign_up

DAYS = timedelta(days=3)


async def attended_shift(api: Api, people: People, **more: Any) -> tuple[str, str]:
    """A two-hour shift in three days to which the first person came on time; (shift id, sign-up id)."""
    shift_id = await publish_shift(people, DAYS, **more)
    mine: str = (await sign_up(people.first, shift_id))["sign_up"]["id"]
    clock.move_clock(DAYS - timedelta(minutes=5))
    await people.first.post(f"/shifts/{shift_id}/sign-in", {"code": await code_of(people.staff, shift_id)})
    clock.move_clock(DAYS + timedelta(hours=2, minutes=5))
    await people.first.post(f"/shifts/{shift_id}/sign-out", {"code": await code_of(people.staff, shift_id, "out")})
    return shift_id, mine


async def confirm(caller: Api, shift_id: str, *persons: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of these persons in the leader's list."""
    answer = await caller.post(f"/staff/shifts/{shift_id}/attendance", {"persons": list(persons)}, expect=200)
    rows: list[dict[str, Any]] = answer["items"]
    return rows


def shanghai_time(days: int, hour: int, minute: int = 0) -> datetime:
    """That hour by people's clocks, so many days from now (from where the clock stands)."""
    local = clock.shanghai(clock.now()) + timedelta(days=days)
    return local.replace(hour=hour, minute=minute, second=0, microsecond=0)


async def sign_up_for(people: People, person: Api, begin: datetime, minutes: int, **more: Any) -> tuple[str, str]:
    """A shift at exactly that time, which the person signed up for: (shift id, sign-up id)."""
    times = {"starts_at": begin, "ends_at": begin + timedelta(minutes=minutes)}
    shift_id = await publish_shift(people, timedelta(), **{"cancel_until": begin, **times, **more})
    return shift_id, (await sign_up(person, shift_id))["sign_up"]["id"]


async def served(people: People, person: Api, begin: datetime, minutes: int, by: Api | None = None) -> Hours:
    """Such a shift, that they were at, as staff say; the clock stands a minute after its end then."""
    shift_id, mine = await sign_up_for(people, person, begin, minutes)
    move_clock_to(begin + timedelta(minutes=minutes + 1))
    await confirm(by or people.staff, shift_id, {"sign_up_id": mine, "minutes": minutes})
    return await Hours.get(sign_up_id=mine)


async def minutes_of(person: Api) -> int:
    """What the service record has."""
    total: int = (await person.get("/me/service-record/totals"))["minutes"]
    return total
