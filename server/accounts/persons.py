"""Persons: how they come to be known, and what they tell us about themselves."""

from datetime import date

from server.accounts import messages
from server.accounts.consents import GUARDED_UNTIL, GuardianConsentNeeded, require_consent
from server.accounts.details import (
    details_of,
    lock_phones,
    phone_index,
    save_details,
    verify_phone,
)
from server.accounts.links import link_roster_entries, require_free_name
from server.accounts.models import ConsentKind, Person, PersonOrigin
from server.accounts.queries import IDENTIFIES, Me, get_me
from server.foundation.database import execute, fetch, fetch_value, transaction
from server.foundation.dates import age_on, today
from server.foundation.errors import EditedMeanwhile
from server.foundation.typed import require_no_number
from server.media.uploads.uploading import attach_pictures
from server.moderation.models import Verdict
from server.moderation.verdicts import submit_for_check, verdict_of
from server.notifications.telling import notify
from server.organizations.queries import require_community, require_grid


async def create_person(
    origin: PersonOrigin,
    *,
    real_name: str = "",
    phone: str = "",
    community_id: str | None = None,
    birth_date: date | None = None,
    nickname: str = "",
) -> Person:
    """Somebody who did not sign in: a roster entry, a walk-in, a dependant. Phone and name are encrypted."""
    async with transaction():
        person = await Person.create(origin=origin, community_id=community_id, birth_date=birth_date, nickname=nickname)
        seen = origin in (PersonOrigin.ROSTER, PersonOrigin.WALK_IN)
        await save_details(person.id, phone=phone or None, real_name=real_name or None, is_name_verified=seen)
    return person


async def find_by_phone(phone: str) -> str | None:
    """The person who verified this number, or the only one known with it; None otherwise. Never a family entry."""
    rows = await fetch(
        "SELECT d.person_id, d.phone_verified_at IS NOT NULL AS verified FROM person_details d "
        f"JOIN person p ON p.id = d.person_id WHERE d.phone_index = $1 AND {IDENTIFIES} AND p.merged_into_id IS NULL "
        "AND p.closed_at IS NULL ORDER BY verified DESC LIMIT 2",
        phone_index(phone),
    )
    if not rows:
        return None
    return rows[0]["person_id"] if rows[0]["verified"] or len(rows) == 1 else None


async def choose_community(person_id: str, community_id: str, grid_id: str | None) -> Me:
    """The community that the person belongs to as a resident, and its grid, where they say in which they live. Raises
    InvalidFields where one is none, or closed."""
    async with transaction():
        await require_community(community_id)
        if grid_id:
            await require_grid(grid_id, community_id)
        await Person.filter(id=person_id).update(community_id=community_id, grid_id=grid_id)
        return await get_me(person_id)


async def change_profile(
    person_id: str, version: int, *, nickname: str | None = None, avatar_id: str | None = None
) -> Me:
    """Nickname and avatar; others see them, so both are checked. Raises EditedMeanwhile on a stale version, and
    InvalidFields for a nickname with a number in it."""
    if nickname is not None:
        require_no_number("nickname", nickname)
    async with transaction():
        person = await Person.filter(id=person_id).select_for_update(no_key=True).get()
        if person.version != version:
            raise EditedMeanwhile()
        if avatar_id and avatar_id != person.avatar_id:
            await attach_pictures(person_id, [avatar_id], ("avatar", person_id))
            person.avatar_id = avatar_id
        if nickname is not None:
            person.nickname = nickname
        person.version += 1
        await person.save(update_fields=["nickname", "avatar_id", "version"])
        await submit_for_check(
            "nickname",
            person_id,
            author_id=person_id,
            organization_id=person.community_id,
            picture_ids=[person.avatar_id] if person.avatar_id else [],
        )
        return await get_me(person_id)


async def show_checked_profile(person_id: str) -> None:
    """The content check has an answer: a profile that passed is shown, one that was refused is not, and goes."""
    async with transaction():
        # The race: the person edits between our reading the verdict and our showing the nickname, and what nobody
        # checked is public. An edit holds this row too, and makes the verdict pending again.
        await Person.filter(id=person_id).select_for_update(no_key=True).get()
        verdict = await verdict_of("nickname", person_id)
        if verdict is Verdict.PASSED:
            await execute(
                "UPDATE person SET shown_nickname = nickname, shown_avatar_id = avatar_id WHERE id = $1", person_id
            )
        elif verdict is Verdict.REFUSED:
            await execute(
                "UPDATE person SET nickname = shown_nickname, avatar_id = shown_avatar_id, version = version + 1 "
                "WHERE id = $1",
                person_id,
            )
            await notify([person_id], messages.PROFILE_REFUSED, person=person_id)


async def give_phone(person_id: str, phone: str) -> Me:
    """A number that WeChat vouches for; a roster entry with the same number and name becomes this person. Raises
    ConsentNeeded."""
    async with transaction():
        # The number before the person: a roster is imported in this order too (check_in/roster.py).
        await lock_phones([phone_index(phone)])
        await Person.filter(id=person_id).select_for_update(no_key=True).get()
        await require_consent(person_id, ConsentKind.PRIVACY)
        lost_by = await verify_phone(person_id, phone)
        await notify(lost_by, messages.PHONE_LOST)
        await link_roster_entries(person_id)
        return await get_me(person_id)


async def give_details(person_id: str, *, real_name: str, address: str | None, birth_date: date | None) -> Me:
    """What the person tells about themselves. Raises ConsentNeeded, NameFixed, and GuardianConsentNeeded below 14: a
    guardian adds the child."""
    async with transaction():
        # A roster with this number and name may be imported right now: one of the two has to see the other.
        own = await fetch_value("SELECT phone_index FROM person_details WHERE person_id = $1", person_id)
        await lock_phones([bytes(own)] if own else [])
        await Person.filter(id=person_id).select_for_update(no_key=True).get()
        await require_consent(person_id, ConsentKind.PRIVACY)
        if address:
            await require_consent(person_id, ConsentKind.SENSITIVE_DATA)
        if birth_date:
            if age_on(birth_date, today()) < GUARDED_UNTIL:
                raise GuardianConsentNeeded("请由监护人登录后在“我的家人”中添加")
            await Person.filter(id=person_id).update(birth_date=birth_date)
        known = await details_of(person_id)
        if known.real_name and not known.is_named(real_name):
            await require_free_name(person_id)
        await save_details(person_id, real_name=real_name, address=address)
        await link_roster_entries(person_id)
        return await get_me(person_id)
