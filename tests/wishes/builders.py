"""Wishes and those around them, mostly written straight into the database: few statements a test."""

import io
from datetime import timedelta
from typing import Any, NamedTuple

from PIL import Image

from server.accounts.details import name_index, phone_index, save_details
from server.accounts.models import (
    Consent,
    ConsentKind,
    Person,
    PersonDetails,
    PersonOrigin,
    Registration,
    Session,
    WeChatIdentity,
)
from server.foundation import clock
from server.foundation.crypto import hash_token, keyring
from server.foundation.database import execute, fetch_value, transaction
from server.foundation.dates import today
from server.foundation.ids import new_id
from server.foundation.settings import DEMO_APPID
from server.media.uploads.models import Picture, PictureFormat, PictureState
from server.moderation.models import CheckedSubject, Verdict
from server.organizations.models import Level, Organization, RoleGrant, RoleKind
from server.service_record.recording import record_service
from server.teams.models import Team, TeamMember
from server.wishes.fulfilling import RULE
from server.wishes.models import ClaimState, Wish, WishAudience, WishClaim, WishKind, WishShare, WishState
from server.wishes.rules import WishActor, claim_due_at, next_escalation
from tests.builders import create_organization
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
    async with transaction():
        community = await put_community("幸福社区")
        wisher, claimer, staff, stranger = await put_persons(
            api, community, "小王", "热心人", "工作人员", "路人", volunteers=True
        )
        await RoleGrant.create(
            person_id=staff.person_id, organization=community, kind=RoleKind.STAFF, granted_at=clock.now()
        )
        await save_details(wisher.person_id, real_name="王秀英", phone="13800001111", address="幸福路 1 号 2 单元 301")
    return People(community, wisher, claimer, staff, stranger)


async def put_community(name: str = "幸福社区", *, location: tuple[float, float] | None = None) -> Organization:
    """A community of its own subdistrict, district and city; in four rows at once."""
    levels = (Level.CITY, Level.DISTRICT, Level.SUBDISTRICT, Level.COMMUNITY)
    rows: list[Organization] = []
    for level in levels:
        organization_id = new_id()
        above = rows[-1] if rows else None
        rows.append(
            Organization(
                id=organization_id,
                code=organization_id,
                name=name if level is Level.COMMUNITY else f"{level}{organization_id[-4:]}",
                level=level,
                parent_id=above.id if above else None,
                path=f"{above.path}.{organization_id}" if above else organization_id,
                location=location if level is Level.COMMUNITY else None,
            )
        )
    await Organization.bulk_create(rows)
    # Tortoise does not know it of rows that came in one statement.
    rows[-1]._saved_in_db = True
    return rows[-1]


async def put_persons(api: Api, community: Organization, *nicknames: str, volunteers: bool = True) -> list[Api]:
    """Residents with a session, a WeChat account and a verified phone; volunteers, unless told otherwise."""
    now = clock.now()
    people = [
        Person(
            id=new_id(),
            origin=PersonOrigin.WECHAT,
            nickname=nickname,
            shown_nickname=nickname,
            community_id=community.id,
        )
        for nickname in nicknames
    ]
    await Person.bulk_create(people)
    await Registration.bulk_create(
        [Registration(person_id=person.id, organization=community, registered_by_id=new_id()) for person in people]
    )
    kinds = [ConsentKind.PRIVACY, ConsentKind.SENSITIVE_DATA, *([ConsentKind.VOLUNTEER_TERMS] if volunteers else [])]
    await Consent.bulk_create(
        [Consent(person_id=person.id, kind=kind, text_version="1", given_at=now) for person in people for kind in kinds]
    )
    await WeChatIdentity.bulk_create(
        [
            WeChatIdentity(person_id=person.id, appid=DEMO_APPID, openid=f"openid-{person.id}", signed_in_at=now)
            for person in people
        ]
    )
    phones = [str(next(_phones)) for _ in people]
    await PersonDetails.bulk_create(
        [
            PersonDetails(
                person_id=person.id,
                phone=keyring().encrypt(phone, "person_details.phone"),
                phone_index=phone_index(phone),
                phone_verified_at=now,
                real_name=keyring().encrypt("郑实名", "person_details.real_name"),
                real_name_index=name_index("郑实名"),
            )
            for person, phone in zip(people, phones, strict=True)
        ]
    )
    await Session.bulk_create(
        [
            Session(
                person_id=person.id,
                token_hash=hash_token(f"token-{person.id}"),
                expires_at=now + timedelta(days=300),
                used_at=now,
            )
            for person in people
        ]
    )
    return [api.as_(f"token-{person.id}", person.id) for person in people]


async def put_team(leader: Api, *others: Api, community: Organization, name: str = "海风志愿队") -> Team:
    team = await Team.create(
        leader_id=leader.person_id, community=community, name=name, shown_name=name, size=1 + len(others)
    )
    await TeamMember.bulk_create([TeamMember(team=team, person_id=who.person_id) for who in (leader, *others)])
    return team


async def put_unit(community: Organization, *liaisons: Api) -> Organization:
    unit = await create_organization(Level.UNIT, parent=community, name="供电公司")
    for liaison in liaisons:
        await RoleGrant.create(
            person_id=liaison.person_id, organization=unit, kind=RoleKind.LIAISON, granted_at=clock.now()
        )
    return unit


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


async def report(claimer: Api, wish_id: str, note: str = "收音机送到了") -> dict[str, Any]:
    picture_id = await put_picture(claimer)
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


async def put_wish(people: People, state: WishState, *, claim: dict[str, Any] | None = None, **other: Any) -> str:
    """A wish straight into a state, with the claim that belongs to it (and, of a fulfilled one, its points); its id."""
    now, holding = clock.now(), HOLDER_STATES.get(state)
    was_published = holding or state is WishState.PUBLISHED
    values: dict[str, Any] = {
        "id": new_id(),
        "author_id": people.wisher.person_id,
        "beneficiary_id": people.wisher.person_id,
        "community_id": people.community.id,
        "title": "想要一台收音机",
        "text": "老人想听戏",
        "kind": WishKind.THING,
        "audience": WishAudience.ELDERLY,
        "wished_by": today() + timedelta(days=10),
        "submitted_at": now,
        "changed_at": now,
        "first_published_at": now if was_published else None,
        "first_claimed_at": now if holding else None,
        "fulfilled_at": now if state is WishState.FULFILLED else None,
    } | other
    if state is WishState.PUBLISHED:
        values.setdefault("escalate_at", next_escalation(values["wished_by"], 0))
    async with transaction():
        wish = await Wish.create(state=state, **values)
        if holding:
            held = {
                "claimer_id": people.claimer.person_id,
                "quantity": wish.quantity,
                "due_at": claim_due_at(now, values["wished_by"]),
                "reported_at": None if holding is ClaimState.OPEN else now,
                "confirmed_at": now if holding is ClaimState.FULFILLED else None,
            } | (claim or {})
            holder = await WishClaim.create(wish=wish, state=holding, **held)
            if holding is ClaimState.FULFILLED:
                await record_service(
                    held["claimer_id"], rule=RULE, source=("wish_claim", holder.id), occurred_at=held["reported_at"]
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


async def points_of(who: Api) -> int:
    sql = "SELECT COALESCE(sum(points), 0)::int FROM service_entry WHERE person_id = $1"
    return int(await fetch_value(sql, who.person_id))


class Cast(NamedTuple):
    people: People
    helper: Api
    team_id: str

    def parts(self, state: WishState, *, is_with_staff: bool) -> dict[str, set[WishActor]]:
        """Person → what they are to a wish in this state."""
        people, is_held = self.people, state in HOLDER_STATES
        staff = {WishActor.STAFF, WishActor.RESIDENT, *([WishActor.STAND_IN] if is_with_staff else [])}
        return {
            people.wisher.person_id: {WishActor.WISHER},
            people.claimer.person_id: {WishActor.CLAIMER} if is_held else {WishActor.RESIDENT},
            self.helper.person_id: {WishActor.HELPER, WishActor.RESIDENT} if is_held else {WishActor.RESIDENT},
            people.staff.person_id: staff,
            people.stranger.person_id: {WishActor.RESIDENT},
        }


async def create_cast(api: Api) -> Cast:
    people = await create_people(api)
    (helper,) = await put_persons(api, people.community, "队员")
    team = await put_team(people.claimer, helper, community=people.community)
    return Cast(people, helper, team.id)


async def put_team_wish(cast: Cast, state: WishState, **other: Any) -> str:
    """A wish in this state, held by a team one of whom shares in it, long enough ago for staff to confirm."""
    claim = {"team_id": cast.team_id, "reported_at": clock.now() - timedelta(days=8)}
    wish_id = await put_wish(cast.people, state, claim=claim, **other)
    if state in HOLDER_STATES:
        holder = await WishClaim.get(wish_id=wish_id)
        await WishShare.create(claim_id=holder.id, person_id=cast.helper.person_id)
    await put_verdict("wish", wish_id, cast.people, Verdict.PASSED)
    return wish_id
