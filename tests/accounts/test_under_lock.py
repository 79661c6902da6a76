"""What two do at once: a guard that was read before its lock is read again, whoever comes second."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from server.accounts.consents import give_consent, withdraw_consent
from server.accounts.dependants import end_dependant
from server.accounts.merging import merge_persons
from server.accounts.models import Consent, ConsentKind, Person
from server.accounts.registry import register_walk_in
from server.accounts.sessions import hold_caller
from server.check_in.checking_in import CheckInApplication, apply_check_in
from server.check_in.models import CheckIn, CheckInState
from server.check_in.residence import Residence
from server.foundation import clock
from server.foundation.database import fetch_value, transaction, write
from server.organizations.changing import close_organization
from server.organizations.models import Level, Organization, RoleKind
from server.volunteering.models import Shift, SignUp
from server.volunteering.shifts.changing import ShiftChange, change_shift
from server.volunteering.sign_ups.signing_up import sign_up
from tests.builders import (
    agree,
    create_community,
    create_organization,
    create_person,
    create_staff,
    grant,
    sign_in,
    told,
)
from tests.check_in.builders import application, create_member, post_words, registration
from tests.clients import Api
from tests.held import while_held
from tests.neighbor_center.builders import at, create_service, set_clock
from tests.volunteering.builders import People, create_family, create_people, publish_shift
from tests.wishes.builders import content

CHILD = {"real_name": "王小宝", "relation": "child", "birth_date": "2020-01-01", "guardian_consents": True}


def applying(person_id: str, community: Organization) -> Callable[[], Awaitable[Any]]:
    asked = CheckInApplication(community_id=community.id, home_text="市教育局", residence=Residence("阳光花园"))
    return lambda: apply_check_in(person_id, asked)


async def code_of(caller: Api, method: str, path: str, body: Any = None) -> str:
    response = await caller.send(method, path, body)
    return "" if response.is_success else str(response.json()["code"])


async def test_a_consent_that_is_being_withdrawn_carries_nothing(api: Api) -> None:
    community = await create_community()
    member = await create_member(api, community)
    code = await while_held(
        lambda: withdraw_consent(member.person_id, ConsentKind.MEMBERSHIP_DATA),
        lambda: code_of(member, "POST", "/check-ins", application(community)),
    )
    assert code == "consent_needed"
    assert await CheckIn.all().count() == 0


async def test_a_consent_that_is_being_given_anew_carries(api: Api) -> None:
    people = await create_people(api)
    shift = await publish_shift(people)
    code = await while_held(
        lambda: give_consent(people.first.person_id, ConsentKind.PRIVACY, "1"),
        lambda: code_of(people.first, "POST", f"/shifts/{shift}/sign-ups", {}),
    )
    assert code == ""


async def test_whoever_withdraws_ends_what_was_just_begun(api: Api) -> None:
    community = await create_community()
    member = await create_member(api, community)
    await while_held(
        applying(member.person_id, community),
        lambda: member.delete("/me/consents/membership_data"),
    )
    assert not await CheckIn.exists(state__in=[CheckInState.APPLIED, CheckInState.CONFIRMED])


@pytest.mark.parametrize("act", ["book", "sign_up", "wish", "team", "details", "complain"])
async def test_who_is_being_merged_does_nothing_any_more(api: Api, act: str) -> None:
    set_clock("08:00")
    people = await create_people(api)
    me, other = people.first, people.second
    await agree(me.person_id, ConsentKind.VOLUNTEER_TERMS)
    service, shift = await create_service(people.community), await publish_shift(people)
    method, path, body = {
        "book": ("POST", f"/services/{service.id}/bookings", {"starts_at": at("09:00")}),
        "sign_up": ("POST", f"/shifts/{shift}/sign-ups", {}),
        "wish": ("POST", "/wishes", content()),
        "team": ("POST", "/teams", {"name": "海风志愿队"}),
        "details": ("PUT", "/me/details", {"real_name": "李明"}),
        "complain": ("POST", f"/venues/{service.venue_id}/complaints", {"text": "无人接待"}),
    }[act]
    code = await while_held(
        lambda: merge_persons(me.person_id, other.person_id, actor_id=None),
        lambda: code_of(me, method, path, body),
    )
    assert code == "not_signed_in"
    for table in ("booking", "sign_up", "complaint"):
        assert await fetch_value(f"SELECT count(*) FROM {table}") == 0
    assert await fetch_value("SELECT count(*) FROM wish") == 0


async def test_a_merge_takes_along_what_was_just_done(api: Api) -> None:
    people = await create_people(api)
    me, other = people.first, people.second
    shift = await publish_shift(people)

    async def signing_up() -> None:
        await hold_caller(me.person_id)
        await sign_up(me.person_id, shift)

    await while_held(signing_up, lambda: merge_persons(me.person_id, other.person_id, actor_id=None))
    assert [each.person_id for each in await SignUp.all()] == [other.person_id]


async def test_who_is_being_blocked_does_nothing_any_more(api: Api) -> None:
    people = await create_people(api)
    manager = await create_staff(api, people.community, RoleKind.MANAGER)
    await agree(people.first.person_id, ConsentKind.VOLUNTEER_TERMS)
    path = f"/staff/persons/{people.first.person_id}/block"
    code = await while_held(
        lambda: manager.post(path, {"reason": "abuse"}),
        lambda: code_of(people.first, "POST", "/teams", {"name": "海风志愿队"}),
    )
    assert code == "not_signed_in"
    assert await fetch_value("SELECT count(*) FROM team") == 0


@pytest.mark.parametrize("act", ["apply", "register", "walk_in", "choose", "post", "child"])
async def test_a_community_that_is_being_closed_takes_nothing_in(api: Api, act: str) -> None:
    street = await create_organization(Level.SUBDISTRICT)
    community, successor = await create_community(parent=street), await create_community(parent=street)
    manager = await create_person()
    await grant(manager, street, RoleKind.MANAGER)
    # Whose role is above: it does not end with the community.
    staff = await sign_in(api, manager)
    member = await create_member(api, community)
    caller, method, path, body = {
        "apply": (member, "POST", "/check-ins", application(community)),
        "register": (staff, "POST", "/staff/members", registration(community)),
        "walk_in": (
            staff,
            "POST",
            "/staff/persons",
            {"organization_id": community.id, "real_name": "孙大爷", "phone": "13500001111"},
        ),
        "choose": (member, "PUT", "/me/community", {"community_id": community.id}),
        "post": (staff, "POST", "/staff/posts", post_words(community, term_starts_on="2027-01-01")),
        "child": (member, "POST", "/me/dependants", CHILD),
    }[act]
    code = await while_held(
        lambda: close_organization(manager.id, community.id, community.version, successor.id),
        lambda: code_of(caller, method, path, body),
    )
    # What is not placed there, but where its guardian lives, goes along.
    assert code in ("invalid_fields", "wrong_state") if act != "child" else code == ""
    assert await Person.filter(community_id=community.id).count() == 0
    for table, column in (("check_in", "community_id"), ("post", "community_id"), ("registration", "organization_id")):
        kept = await fetch_value(f"SELECT count(*) FROM {table} WHERE {column} = $1", community.id)
        assert kept == (1 if table == "registration" else 0)


async def test_a_merge_and_a_closing(api: Api) -> None:
    """The one who remains had no community: they get the old one's, wherever that is now."""
    street = await create_organization(Level.SUBDISTRICT)
    community, successor = await create_community(parent=street), await create_community(parent=street)
    manager = await create_person()
    await grant(manager, street, RoleKind.MANAGER)
    old, kept = await create_person(community=community), await create_person()
    await while_held(
        lambda: merge_persons(old.id, kept.id, actor_id=None),
        lambda: close_organization(manager.id, community.id, community.version, successor.id),
    )
    assert (await Person.get(id=kept.id)).community_id == successor.id


async def test_what_came_before_the_closing_goes_to_the_successor(api: Api) -> None:
    street = await create_organization(Level.SUBDISTRICT)
    community, successor = await create_community(parent=street), await create_community(parent=street)
    manager = await create_person()
    await grant(manager, street, RoleKind.MANAGER)
    member = await create_member(api, community)
    await while_held(
        applying(member.person_id, community),
        lambda: close_organization(manager.id, community.id, community.version, successor.id),
    )
    assert [each.community_id for each in await CheckIn.all()] == [successor.id]


async def test_one_person_at_two_counters(api: Api) -> None:
    first, second = await create_community(), await create_community()
    staff, other = await create_staff(api, first), await create_staff(api, second)
    body = {"organization_id": second.id, "real_name": "孙大爷", "phone": "13500001111"}
    found = await while_held(
        lambda: register_walk_in(staff.person_id, first.id, real_name="孙大爷", phone="13500001111"),
        lambda: other.post("/staff/persons", body, expect=201),
    )
    assert await Person.filter(origin="walk_in").values_list("id", flat=True) == [found["person_id"]]


async def test_the_same_twice_at_once_is_no_failure(api: Api) -> None:
    """IntegrityErrors, formerly."""
    people: People = await create_people(api)
    me = people.first
    for _ in range(3):
        answers = await asyncio.gather(
            *(me.send("POST", "/me/consents", {"kind": "volunteer_terms", "text_version": "1"}) for _ in range(3)),
            *(me.send("PUT", "/me/ranking", {"text_version": "1"}) for _ in range(3)),
            *(me.send("DELETE", "/me/ranking") for _ in range(2)),
        )
        assert {answer.status_code for answer in answers} <= {200, 204}
    active = Consent.filter(person_id=me.person_id, kind=ConsentKind.VOLUNTEER_TERMS, withdrawn_at=None)
    assert await active.count() == 1


async def test_who_is_chosen_to_end_a_deadlock_tries_again(app: object) -> None:
    """Two who lock the same rows in another order: PostgreSQL ends one of them, who has told nobody anything yet."""
    one, two = await create_person(), await create_person()
    tries: list[str] = []
    both = asyncio.Barrier(2)

    async def nothing() -> None:
        pass

    def locking(*order: Person) -> Callable[[], Awaitable[str]]:
        async def lock() -> str:
            tries.append(order[0].id)
            async with transaction():
                await Person.filter(id=order[0].id).select_for_update().get()
                if len(tries) <= 2:
                    await both.wait()
                await Person.filter(id=order[1].id).select_for_update().get()
            return order[0].id

        return lock

    done = await asyncio.gather(write(nothing, locking(one, two)), write(nothing, locking(two, one)))
    assert done == [one.id, two.id]
    assert len(tries) == 3


async def test_what_was_committed_is_not_done_again(app: object) -> None:
    tries = 0

    async def nothing() -> None:
        pass

    async def fail() -> None:
        nonlocal tries
        tries += 1
        async with transaction():
            await create_person()
        raise asyncpg.DeadlockDetectedError("chosen")

    with pytest.raises(asyncpg.DeadlockDetectedError):
        await write(nothing, fail)
    assert tries == 1


@pytest.mark.parametrize("act", ["sign_up", "book"])
async def test_who_is_no_longer_looked_after_is_signed_up_for_nothing(api: Api, act: str) -> None:
    set_clock("08:00")
    people = await create_people(api)
    (child,) = await create_family(people.first, clock.now().date() - timedelta(days=6 * 365))
    await agree(child, ConsentKind.GUARDIAN)
    shift, service = await publish_shift(people), await create_service(people.community)
    method, path, body = {
        "sign_up": ("POST", f"/shifts/{shift}/sign-ups", {"family_ids": [child]}),
        "book": ("POST", f"/services/{service.id}/bookings", {"starts_at": at("09:00"), "person_id": child}),
    }[act]
    code = await while_held(
        lambda: end_dependant(people.first.person_id, child), lambda: code_of(people.first, method, path, body)
    )
    assert code == "not_found"
    assert await fetch_value("SELECT count(*) FROM place") == 0


async def test_who_ends_looking_after_somebody_ends_what_was_just_begun(api: Api) -> None:
    people = await create_people(api)
    (child,) = await create_family(people.first, clock.now().date() - timedelta(days=6 * 365))
    shift = await publish_shift(people)
    await while_held(
        lambda: sign_up(people.first.person_id, shift, family_ids=[child]),
        lambda: people.first.delete(f"/me/dependants/{child}"),
    )
    rows = await SignUp.filter(place__ended_at=None)
    assert [row.person_id for row in rows] == [people.first.person_id]


async def test_whoever_signs_up_while_a_shift_is_moved_sees_its_new_time(api: Api) -> None:
    people = await create_people(api)
    moved, other = await publish_shift(people), await publish_shift(people, timedelta(days=5))
    await people.first.post(f"/shifts/{moved}/sign-ups", {}, expect=201)
    code = await while_held(
        lambda: move_to(people, moved, other), lambda: code_of(people.first, "POST", f"/shifts/{other}/sign-ups", {})
    )
    assert code == "shifts_overlap"
    assert await told(people.first) == ["shift_confirmed", "shift_moved"]


@pytest.mark.parametrize("into", ["moved", "other"])
async def test_whoever_signed_up_while_a_shift_was_moved_is_told(api: Api, into: str) -> None:
    people = await create_people(api)
    moved, other = await publish_shift(people), await publish_shift(people, timedelta(days=5))
    if into == "other":
        await people.first.post(f"/shifts/{moved}/sign-ups", {}, expect=201)
    await while_held(
        lambda: sign_up(people.first.person_id, moved if into == "moved" else other),
        lambda: move_to(people, moved, other),
    )
    events = await told(people.first)
    assert events[-1] == ("shift_moved" if into == "moved" else "shift_moved_overlapping")
    assert await told(people.second) == []


async def move_to(people: People, shift_id: str, onto_id: str) -> None:
    """Staff move a shift to when the other one is."""
    shift, onto = await Shift.get(id=shift_id), await Shift.get(id=onto_id)
    await change_shift(
        people.staff.person_id, shift_id, shift.version, ShiftChange(starts_at=onto.starts_at, ends_at=onto.ends_at)
    )
