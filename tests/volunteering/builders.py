"""Activities, and people around them."""

import secrets
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from server.accounts.models import (
    Consent,
    ConsentKind,
    Dependant,
    Person,
    PersonOrigin,
    Registration,
    Relation,
    Session,
    WeChatIdentity,
)
from server.foundation import clock
from server.foundation.crypto import hash_token
from server.foundation.ids import new_id
from server.foundation.settings import DEMO_APPID
from server.organizations.models import Organization
from server.volunteering.activities import NewActivity, create_activity
from server.volunteering.models import Activity, ActivityState, Shift
from server.volunteering.shifts.reminders import plan_reminders
from tests.builders import create_community, create_person, create_staff
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
    residents = await create_residents(api, community, 3)
    return People(community, await create_staff(api, community), *residents)


async def create_residents(api: Api, community: Organization, count: int) -> list[Api]:
    """Many residents of the community, as tests.builders makes one, written all at once."""
    now = clock.now()
    persons = [
        Person(
            id=new_id(),
            origin=PersonOrigin.WECHAT,
            nickname=f"居民{number}",
            shown_nickname=f"居民{number}",
            community_id=community.id,
        )
        for number in range(count)
    ]
    tokens = {person.id: secrets.token_urlsafe(32) for person in persons}
    await Person.bulk_create(persons)
    await Registration.bulk_create(
        [Registration(person_id=id_, organization_id=community.id, registered_by_id=new_id()) for id_ in tokens]
    )
    await Consent.bulk_create(
        [
            Consent(person_id=id_, kind=kind, text_version="1", given_at=now)
            for id_ in tokens
            for kind in (ConsentKind.PRIVACY, ConsentKind.SENSITIVE_DATA)
        ]
    )
    await WeChatIdentity.bulk_create(
        [WeChatIdentity(person_id=id_, appid=DEMO_APPID, openid=f"openid-{id_}", signed_in_at=now) for id_ in tokens]
    )
    await Session.bulk_create(
        [
            Session(person_id=id_, token_hash=hash_token(token), expires_at=now + timedelta(days=90), used_at=now)
            for id_, token in tokens.items()
        ]
    )
    return [api.as_(token, person_id) for person_id, token in tokens.items()]


async def create_family(guardian: Api, *birth_dates: date | None) -> list[str]:
    """Family members whom the guardian looks after; their ids."""
    community = (await Person.get(id=guardian.person_id).select_related("community")).community
    relatives = [
        await create_person(community=community, origin=PersonOrigin.DEPENDANT, birth_date=born) for born in birth_dates
    ]
    await Dependant.bulk_create(
        [
            Dependant(guardian_id=guardian.person_id, person=each, relation=Relation.CHILD, accepted_at=clock.now())
            for each in relatives
        ]
    )
    return [each.id for each in relatives]


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


def activity(organizer_id: str, *shifts: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The request for a new activity."""
    words = {**WORDS, **more.pop("words", {})}
    return {"organizer_id": organizer_id, "kind": "volunteer", "words": words, "shifts": list(shifts), **more}


async def draft(staff: Api, organizer_id: str, *shifts: dict[str, Any], **more: Any) -> Any:
    """A draft activity, as its staff see it."""
    return await staff.post("/staff/activities", activity(organizer_id, *shifts, **more), expect=201)


async def publish(staff: Api, organizer_id: str, *shifts: dict[str, Any], **more: Any) -> Any:
    """A published activity, as its staff see it."""
    activity_id = await _publish(staff.person_id, activity(organizer_id, *(shifts or (shift(),)), **more))
    return await staff.get(f"/staff/activities/{activity_id}")


async def publish_shift(people: People, starts_in: timedelta = timedelta(days=3), **more: Any) -> str:
    """A published activity with one shift; the shift's id. `activity`: more of the activity itself."""
    about = more.pop("activity", {})
    body = activity(people.community.id, shift(starts_in, **more), **about)
    activity_id = await _publish(people.staff.person_id, body)
    return (await Shift.get(activity_id=activity_id)).id


async def _publish(staff_id: str, body: dict[str, Any]) -> str:
    """Without the review, which is not what most tests are about."""
    activity_id = (await create_activity(staff_id, msgspec.convert(body, NewActivity))).id
    await Activity.filter(id=activity_id).update(state=ActivityState.PUBLISHED, published_at=clock.now(), version=3)
    await plan_reminders(await Shift.filter(activity_id=activity_id))
    return activity_id


async def sign_up(person: Api, shift_id: str, *family_ids: str) -> Any:
    return await person.post(f"/shifts/{shift_id}/sign-ups", {"family_ids": list(family_ids)}, expect=201)


async def code_of(staff: Api, shift_id: str, direction: str = "in") -> str:
    """The text of the code that the staff's screen shows now."""
    text: str = (await staff.get(f"/staff/shifts/{shift_id}/code", direction=direction))["code"]
    return text
