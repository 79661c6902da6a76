"""Persons: how they come to be known, what they tell us, whom they look after, and how two become one."""

from collections.abc import Awaitable, Callable
from datetime import date

from server.accounts import messages
from server.accounts.details import (
    lock_phones,
    normalize_phone,
    phone_index,
    save_details,
    verify_phone,
)
from server.accounts.models import Consent, ConsentKind, Dependant, Person, PersonOrigin, Relation
from server.accounts.sessions import end_all_sessions, forget_cached_sessions
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import execute, fetch, fetch_value, transaction
from server.foundation.dates import today
from server.foundation.errors import EditedMeanwhile, InvalidFields, NotFound, Refusal, WrongState
from server.media.uploads.uploading import attach_pictures
from server.moderation.models import Verdict
from server.moderation.verdicts import submit_for_check, verdict_of
from server.notifications.service import notify
from server.organizations.models import Level, Organization

GUARDED_UNTIL = 14
"""Years of age below which a guardian agrees for a child (个人信息保护法 art. 31)."""

MERGERS: list[Callable[[str, str], Awaitable[None]]] = []
"""What features do when person `from_id` turns out to be `into_id`: move what is theirs. Filled by wiring.py."""

LEAVERS: list[Callable[[str], Awaitable[None]]] = []
"""What features do when a person is blocked, withdraws a consent that we work by, or is no longer spoken for: see that
nothing of theirs that is open is lost. Called in that transaction; filled by wiring.py."""

WORKED_BY = (ConsentKind.PRIVACY, ConsentKind.ON_BEHALF, ConsentKind.GUARDIAN)
"""Consents without which nothing of a person's can go on as it is."""

CONSENT_WITHDRAWN: dict[ConsentKind, Callable[[str], Awaitable[None]]] = {}
"""What else ends when a person takes back this one consent; in the same transaction. Filled by wiring.py."""


class GuardianConsentNeeded(Refusal):
    code, title, status = "guardian_consent_needed", "未满十四周岁，须由监护人同意", 422


class ConsentNeeded(Refusal):
    code, title, status = "consent_needed", "请先阅读并同意隐私政策", 403


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
        await save_details(person.id, phone=phone or None, real_name=real_name or None)
    return person


async def find_by_phone(phone: str) -> str | None:
    """The person who verified this number, or the only one known with it; None otherwise."""
    rows = await fetch(
        "SELECT d.person_id, d.phone_verified_at IS NOT NULL AS verified FROM person_details d "
        "JOIN person p ON p.id = d.person_id WHERE d.phone_index = $1 AND p.merged_into_id IS NULL "
        "AND p.closed_at IS NULL ORDER BY verified DESC LIMIT 2",
        phone_index(phone),
    )
    if not rows:
        return None
    return rows[0]["person_id"] if rows[0]["verified"] or len(rows) == 1 else None


async def choose_community(person_id: str, community_id: str) -> None:
    """The community that the person belongs to as a resident. Raises InvalidFields where it is none, or closed."""
    async with transaction():
        community = await Organization.get_or_none(id=community_id)
        if community is None or community.level is not Level.COMMUNITY or community.closed_at:
            raise InvalidFields.of("community_id", "请选择一个社区")
        await Person.filter(id=person_id).update(community_id=community_id)


async def change_profile(
    person_id: str, version: int, *, nickname: str | None = None, avatar_id: str | None = None
) -> None:
    """Nickname and avatar; others see them, so both are checked. Raises EditedMeanwhile on a stale version."""
    async with transaction():
        person = await Person.filter(id=person_id).select_for_update().get()
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


async def show_checked_profile(person_id: str) -> None:
    """The content check has an answer: a profile that passed is shown, one that was refused is not, and goes."""
    async with transaction():
        # The race: the person edits between our reading the verdict and our showing the nickname, and what nobody
        # checked is public. An edit holds this row too, and makes the verdict pending again.
        await Person.filter(id=person_id).select_for_update().get()
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


async def give_phone(person_id: str, phone: str) -> None:
    """A number that WeChat vouches for; a roster entry with the same number and name becomes this person."""
    async with transaction():
        # The number before the person: a roster is imported in this order too (check_in/roster.py).
        await lock_phones([phone_index(phone)])
        await Person.filter(id=person_id).select_for_update().get()
        await verify_phone(person_id, normalize_phone(phone))
        await link_roster_entries(person_id)


async def give_details(person_id: str, *, real_name: str, address: str | None, birth_date: date | None) -> None:
    """What the person tells about themselves. Raises GuardianConsentNeeded below 14: a guardian adds the child."""
    async with transaction():
        # A roster with this number and name may be imported right now: one of the two has to see the other.
        own = await fetch_value("SELECT phone_index FROM person_details WHERE person_id = $1", person_id)
        await lock_phones([bytes(own)] if own else [])
        if birth_date:
            if age_on(birth_date, today()) < GUARDED_UNTIL:
                raise GuardianConsentNeeded("请由监护人登录后在“我的家人”中添加")
            await Person.filter(id=person_id).update(birth_date=birth_date)
        await save_details(person_id, real_name=real_name, address=address)
        await link_roster_entries(person_id)


async def link_roster_entries(person_id: str) -> int:
    """Merge entries known by the same phone AND name into the person who verified that phone; how many there were.

    The name must agree because numbers are reassigned: a stranger's new number must not inherit someone's past.
    """
    rows = await fetch(
        "SELECT other.person_id FROM person_details mine JOIN person_details other "
        "ON other.phone_index = mine.phone_index AND other.real_name_index = mine.real_name_index "
        "AND other.person_id <> mine.person_id JOIN person p ON p.id = other.person_id "
        "WHERE mine.person_id = $1 AND mine.phone_verified_at IS NOT NULL AND p.merged_into_id IS NULL "
        "AND p.origin IN ('roster', 'walk_in') "
        "AND NOT EXISTS (SELECT 1 FROM wechat_identity w WHERE w.person_id = other.person_id) ORDER BY other.person_id",
        person_id,
    )
    for row in rows:
        await merge_persons(row["person_id"], person_id, actor_id=None)
    return len(rows)


async def merge_persons(from_id: str, into_id: str, *, actor_id: str | None) -> None:
    """`from_id` was `into_id` all along: everything of theirs moves, sign-ins included, and the old person points on.

    Raises NotFound or WrongState (merged already, or the same person).
    """
    async with transaction():
        # Both rows in id order: two merges of the same pair in opposite directions must not deadlock.
        people = {
            person.id: person
            for person in await Person.filter(id__in=[from_id, into_id]).order_by("id").select_for_update()
        }
        if len(people) != 2:
            raise NotFound() if from_id != into_id else WrongState("不能与自己合并")
        if people[from_id].merged_into_id or people[into_id].merged_into_id:
            raise WrongState("其中一人已被合并")
        await end_all_sessions(from_id)
        await execute("UPDATE wechat_identity SET person_id = $2 WHERE person_id = $1", from_id, into_id)
        await execute(
            "UPDATE dependant SET person_id = $2 WHERE person_id = $1 AND guardian_id <> $2 AND NOT EXISTS (SELECT 1 "
            "FROM dependant o WHERE o.person_id = $2 AND o.guardian_id = dependant.guardian_id AND o.ended_at IS NULL)",
            from_id,
            into_id,
        )
        for move in MERGERS:
            await move(from_id, into_id)
        old, kept = people[from_id], people[into_id]
        if kept.community_id is None:
            await Person.filter(id=into_id).update(community_id=old.community_id)
        await Person.filter(id=from_id).update(merged_into_id=into_id)
        await forget_cached_sessions(into_id)
        await record_audit(
            "merge_persons", actor_id=actor_id, subject=("person", from_id), person_id=into_id, into=into_id
        )


async def give_consent(person_id: str, kind: ConsentKind, text_version: str, *, given_by_id: str | None = None) -> None:
    """Record agreement to a version of a text; a newer version replaces the older one."""
    async with transaction():
        await execute(
            "UPDATE consent SET withdrawn_at = $4 WHERE person_id = $1 AND kind = $2 "
            "AND given_by_id IS NOT DISTINCT FROM $3 AND withdrawn_at IS NULL",
            person_id,
            str(kind),
            given_by_id,
            clock.now(),
        )
        await Consent.create(
            person_id=person_id, kind=kind, text_version=text_version, given_by_id=given_by_id, given_at=clock.now()
        )


async def withdraw_consent(person_id: str, kind: ConsentKind) -> None:
    """As easily as it was given (art. 15), and what rests on it ends. Raises NotFound when there is none."""
    async with transaction():
        changed = await execute(
            "UPDATE consent SET withdrawn_at = $3 WHERE person_id = $1 AND kind = $2 AND withdrawn_at IS NULL",
            person_id,
            str(kind),
            clock.now(),
        )
        if not changed:
            raise NotFound()
        if kind in WORKED_BY:
            for leave in LEAVERS:
                await leave(person_id)
        if kind in CONSENT_WITHDRAWN:
            await CONSENT_WITHDRAWN[kind](person_id)


async def move_consent(from_id: str, into_id: str, kind: ConsentKind) -> None:
    """What one agreed to is what the other agreed to, who has not yet: the two are one person."""
    await execute(
        "UPDATE consent SET person_id = $2 WHERE person_id = $1 AND kind = $3 AND withdrawn_at IS NULL "
        "AND NOT EXISTS (SELECT 1 FROM consent own WHERE own.person_id = $2 AND own.kind = $3 "
        "AND own.withdrawn_at IS NULL)",
        from_id,
        into_id,
        str(kind),
    )


async def require_consent(person_id: str, kind: ConsentKind) -> None:
    """Raises ConsentNeeded when the person has not agreed, or no longer does."""
    found = await fetch_value(
        "SELECT 1 FROM consent WHERE person_id = $1 AND kind = $2 AND withdrawn_at IS NULL", person_id, str(kind)
    )
    if not found:
        raise ConsentNeeded()


async def add_dependant(
    guardian_id: str,
    *,
    real_name: str,
    relation: Relation,
    birth_date: date | None,
    phone: str,
    guardian_consents: bool,
) -> str:
    """Somebody whom the caller looks after; the new person's id.

    Below 14 the guardian's consent is recorded with it; raises GuardianConsentNeeded without. An adult's consent to be
    acted for is recorded as told by the one who adds them.
    """
    is_child = bool(birth_date) and age_on(birth_date, today()) < GUARDED_UNTIL  # type: ignore[arg-type]
    if not guardian_consents:
        raise GuardianConsentNeeded() if is_child else ConsentNeeded("请确认已征得家人同意")
    async with transaction():
        guardian = await Person.get(id=guardian_id)
        person = await create_person(
            PersonOrigin.DEPENDANT,
            real_name=real_name,
            phone=phone,
            community_id=guardian.community_id,
            birth_date=birth_date,
        )
        await Dependant.create(guardian_id=guardian_id, person=person, relation=relation)
        kind = ConsentKind.GUARDIAN if is_child else ConsentKind.ON_BEHALF
        await give_consent(person.id, kind, "1", given_by_id=guardian_id)
    return person.id


async def end_dependant(guardian_id: str, person_id: str) -> None:
    """The caller no longer looks after this person. Raises NotFound."""
    async with transaction():
        changed = await execute(
            "UPDATE dependant SET ended_at = $3 WHERE guardian_id = $1 AND person_id = $2 AND ended_at IS NULL",
            guardian_id,
            person_id,
            clock.now(),
        )
        if not changed:
            raise NotFound()
        await execute(
            "UPDATE consent SET withdrawn_at = $3 WHERE person_id = $2 AND given_by_id = $1 AND withdrawn_at IS NULL",
            guardian_id,
            person_id,
            clock.now(),
        )
        for leave in LEAVERS:
            await leave(person_id)


def age_on(birth_date: date, day: date) -> int:
    """Full years on that day."""
    return day.year - birth_date.year - ((day.month, day.day) < (birth_date.month, birth_date.day))
