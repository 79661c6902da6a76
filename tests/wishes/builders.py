"""Wishes and those around them."""

import io
from datetime import timedelta
from typing import Any, NamedTuple

from PIL import Image

from server import clock
from server.accounts.details import save_details, verify_phone
from server.database import execute
from server.ids import new_id
from server.media.models import Picture, PictureFormat, PictureState
from server.moderation.models import CheckedSubject, Verdict
from server.organizations.models import Organization
from server.wishes.models import Audience, ClaimState, Wish, WishClaim, WishKind, WishState
from server.wishes.rules import claim_due_at, today
from tests.builders import create_community, create_resident, create_staff
from tests.clients import Api
from tests.media.builders import upload
from tests.simulator import Simulator

_phones = iter(range(13900000000, 13999999999))


class People(NamedTuple):
    """One wisher, one helper and one member of staff of a community, and somebody who has nothing to do with it."""

    community: Organization
    wisher: Api
    claimer: Api
    staff: Api
    stranger: Api


async def create_people(api: Api) -> People:
    community = await create_community(name="幸福社区")
    wisher = await create_resident(api, community, "小王")
    await save_details(wisher.person_id, real_name="王秀英", phone="13800001111", address="幸福路 1 号 2 单元 301")
    return People(
        community,
        wisher,
        await create_helper(api, community, "热心人"),
        await create_staff(api, community),
        await create_helper(api, community, "路人"),
    )


async def create_helper(api: Api, community: Organization, nickname: str = "") -> Api:
    """A resident who has a verified phone, so who may claim."""
    helper = await create_resident(api, community, nickname)
    await verify_phone(helper.person_id, str(next(_phones)))
    return helper


async def create_picture(owner: Api, colour: str = "blue") -> str:
    """A picture that the person has uploaded. The content check refuses red ones."""
    encoded = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(encoded, "JPEG")
    uploaded = await upload(owner, encoded.getvalue())
    return str(uploaded["id"])


def content(**other: Any) -> dict[str, Any]:
    """The body of draft_wish, complete enough to be submitted."""
    return {
        "title": "想要一台收音机",
        "kind": "thing",
        "audience": "elderly",
        "text": "老人想听戏，希望有一台旧收音机。",
        "place": "幸福小区东区",
        "wished_by": (today() + timedelta(days=10)).isoformat(),
        **other,
    }


async def submit_wish(wisher: Api, **other: Any) -> dict[str, Any]:
    """A submitted wish, its content check still under way."""
    wish = await wisher.post("/wishes", content(**other), expect=201)
    submitted: dict[str, Any] = await wisher.post(f"/wishes/{wish['id']}/submit")
    return submitted


async def publish_wish(people: People, simulator: Simulator, **other: Any) -> str:
    """A wish on the wall, over HTTP from the draft on; its id."""
    wish = await submit_wish(people.wisher, **other)
    await simulator.settle()
    await people.staff.post(f"/staff/wishes/{wish['id']}/publish", {"version": wish["version"]})
    return str(wish["id"])


async def claimed_wish(people: People, simulator: Simulator) -> str:
    wish_id = await publish_wish(people, simulator)
    await people.claimer.post(f"/wishes/{wish_id}/claim")
    return wish_id


async def reported_wish(people: People, simulator: Simulator) -> str:
    wish_id = await claimed_wish(people, simulator)
    await report(people.claimer, wish_id)
    return wish_id


async def fulfilled_wish(people: People, simulator: Simulator) -> str:
    wish_id = await reported_wish(people, simulator)
    await people.wisher.post(f"/wishes/{wish_id}/confirm", {"rating": 5, "words": "太感谢了"})
    return wish_id


async def report(claimer: Api, wish_id: str, note: str = "收音机送到了") -> dict[str, Any]:
    picture_id = await create_picture(claimer)
    reported: dict[str, Any] = await claimer.post(
        f"/wishes/{wish_id}/report", {"note": note, "picture_ids": [picture_id]}
    )
    return reported


HOLDER_STATES = {
    WishState.CLAIMED: ClaimState.OPEN,
    WishState.AMENDED: ClaimState.OPEN,
    WishState.REPORTED: ClaimState.REPORTED,
    WishState.DISPUTED: ClaimState.REPORTED,
    WishState.FULFILLED: ClaimState.FULFILLED,
}
"""What the claim that holds a wish is in, for each state in which one does."""


async def put_wish(people: People, state: WishState, *, wish_id: str = "", **other: Any) -> str:
    """A wish straight into a state, with the claim that belongs to it; or bring `wish_id` (back) into it."""
    day, now = today() + timedelta(days=10), clock.now()
    if wish_id:
        await execute("DELETE FROM wish_claim WHERE wish_id = $1", wish_id)
        await execute("DELETE FROM wish WHERE id = $1", wish_id)
    values: dict[str, Any] = {
        "title": "想要一台收音机",
        "text": "老人想听戏",
        "kind": WishKind.THING,
        "audience": Audience.ELDERLY,
        "wished_by": day,
    } | other
    wish = await Wish.create(
        id=wish_id or new_id(),
        author_id=people.wisher.person_id,
        beneficiary_id=people.wisher.person_id,
        community_id=people.community.id,
        state=state,
        submitted_at=now,
        **values,
    )
    if holding := HOLDER_STATES.get(state):
        reported_at = None if holding is ClaimState.OPEN else now - timedelta(days=8)
        await WishClaim.create(
            wish=wish,
            claimer_id=people.claimer.person_id,
            state=holding,
            due_at=claim_due_at(now, day),
            reported_at=reported_at,
            confirmed_at=now if holding is ClaimState.FULFILLED else None,
        )
    return wish.id


async def put_verdict(kind: str, subject_id: str, people: People, verdict: Verdict) -> None:
    await execute(
        "DELETE FROM content_check WHERE subject_id IN (SELECT id FROM checked_subject WHERE subject_id = $1)",
        subject_id,
    )
    await execute("DELETE FROM checked_subject WHERE subject_id = $1", subject_id)
    await CheckedSubject.create(kind=kind, subject_id=subject_id, author_id=people.wisher.person_id, verdict=verdict)


async def put_picture(owner: Api) -> str:
    """A picture whose bytes are nowhere."""
    picture = await Picture.create(
        owner_id=owner.person_id,
        state=PictureState.READY,
        format=PictureFormat.JPEG,
        width=40,
        height=30,
        size_bytes=100,
        sha256=b"0" * 32,
        unused_since=clock.now(),
    )
    return picture.id


async def inbox_of(who: Api) -> list[str]:
    """The events that somebody was told of, newest first."""
    return [message["event"] for message in (await who.get("/me/inbox"))["items"]]
