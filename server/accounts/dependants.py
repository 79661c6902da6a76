"""Those whom somebody looks after."""

from datetime import date, datetime
from typing import Any

import msgspec

from server.accounts import messages
from server.accounts.cancelling import leave_dependant
from server.accounts.consents import (
    GUARDED_UNTIL,
    ConsentNeeded,
    GuardianConsentNeeded,
    record_consent,
    require_consent,
)
from server.accounts.details import details_of, empty_details, name_index, save_details
from server.accounts.links import NameFixed, rests_on_name
from server.accounts.models import ConsentKind, Dependant, Person, PersonOrigin, Relation
from server.accounts.persons import create_person
from server.accounts.power import require_power_over
from server.accounts.queries import (
    DependantView,
    describe_persons,
    hold_communities_of,
    is_family_entry,
    list_dependants,
)
from server.accounts.sharing import SharedCard, find_bar, make_card
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.codes import RotatingCode
from server.foundation.database import execute, exists, fetch, fetch_one, transaction
from server.foundation.dates import age_on, today
from server.foundation.errors import EditedMeanwhile, InvalidFields, NotFound, Refusal, WrongState
from server.foundation.ids import Id
from server.media.drawing.qr import qr_as_text
from server.notifications.telling import notify
from server.organizations.access import GRID_WORKERS, require_another

FAMILY_LIMIT = 10
"""How many one person looks after at a time."""

OF_AGE = 18
"""Years of age from which somebody decides alone (民法典 art. 17)."""

_CODE = RotatingCode("guardian", "guardian_code", seconds=60 * 60)
"""What a guardian shows for the adult to scan."""

_AGE_ASKED = (Relation.CHILD, Relation.OTHER)
"""Relations in which somebody may be below 14: the age is needed to tell."""


class FamilyFull(Refusal):
    code, title, status = "family_full", f"最多可添加 {FAMILY_LIMIT} 位家人", 409


class GuardianCodeInvalid(Refusal):
    code, title, status = "guardian_code_invalid", "二维码无效或已过期，请家人重新出示", 422


class GuardianCode(msgspec.Struct):
    """What the adult scans on their own phone, as text and as a PNG (base64)."""

    code: str
    valid_until: datetime
    picture: str


class GuardianView(msgspec.Struct):
    """Somebody who looks after one; the name is masked."""

    person_id: Id
    nickname: str
    name: str
    relation: Relation
    accepted_at: datetime


class DependantKnown(Refusal):
    """There is one of this name with another birth date: one of the two dates is wrong."""

    code, title, status = "dependant_known", "已有同名的家人，出生日期不同，如需更正请先移除原来的", 409


class AgeGroupChanged(Refusal):
    """Other rules, and other consents, apply to somebody of that age: who was written down is not corrected, but
    written down anew."""

    code, title, status = "age_group_changed", "更正后适用的年龄规定不同，请移除后重新添加", 409


async def add_dependant(
    guardian_id: str,
    *,
    real_name: str,
    relation: Relation,
    birth_date: date | None,
    phone: str,
    guardian_consents: bool,
) -> DependantView:
    """Somebody whom the caller looks after. The same name and birth date again is the same one again, unchanged.

    The phone is a contact, and identifies nobody. Below 14 the guardian's consent is recorded with it, below 18 what
    the guardian tells. An adult has still to accept it: on their own phone (accept_guardian), or before staff. Raises
    InvalidFields (a birth date that is needed, or lies ahead), GuardianConsentNeeded, ConsentNeeded, DependantKnown,
    FamilyFull.
    """
    is_child, is_minor = _age_group(relation, birth_date)
    if not guardian_consents:
        raise GuardianConsentNeeded() if is_child else ConsentNeeded("请确认已征得家人同意")
    async with transaction():
        await hold_communities_of(guardian_id)
        # The race: the same child sent twice at once, or two when there is room for one.
        guardian = await Person.filter(id=guardian_id).select_for_update(no_key=True).get()
        await require_consent(guardian_id, ConsentKind.PRIVACY)
        if is_child:
            await require_consent(guardian_id, ConsentKind.SENSITIVE_DATA)
        if known := await _known(guardian_id, real_name):
            if known["birth_date"] != birth_date:
                raise DependantKnown()
            return (await list_dependants(guardian_id, known["person_id"]))[0]
        if await Dependant.filter(guardian_id=guardian_id, ended_at=None).count() >= FAMILY_LIMIT:
            raise FamilyFull()
        person = await create_person(
            PersonOrigin.DEPENDANT,
            real_name=real_name,
            phone=phone,
            community_id=guardian.community_id,
            birth_date=birth_date,
        )
        accepted_at = clock.now() if is_minor else None
        await Dependant.create(guardian_id=guardian_id, person=person, relation=relation, accepted_at=accepted_at)
        if is_minor:
            kind = ConsentKind.GUARDIAN if is_child else ConsentKind.ON_BEHALF
            await record_consent(person.id, kind, given_by_id=guardian_id)
        return (await list_dependants(guardian_id, person.id))[0]


async def change_dependant(
    guardian_id: str,
    person_id: str,
    version: int,
    *,
    real_name: str,
    relation: Relation,
    birth_date: date | None,
    phone: str,
) -> DependantView:
    """Correct what the caller wrote of somebody whom they look after; of one who has an account of their own, the
    relation alone.

    Raises NotFound, EditedMeanwhile, InvalidFields, NameFixed (something rests on the name), AgeGroupChanged,
    DependantKnown (another one of that name).
    """
    group = _age_group(relation, birth_date)
    async with transaction():
        # The race: two corrections at once, or one beside the same name added.
        await Person.filter(id=guardian_id).select_for_update(no_key=True).get()
        if not (before := await list_dependants(guardian_id, person_id)):
            raise NotFound()
        person = await Person.filter(id=person_id).select_for_update(no_key=True).get()
        if person.version != version:
            raise EditedMeanwhile()
        known = await details_of(person_id)
        is_entry = await is_family_entry(person_id)
        if not is_entry and (not known.is_named(real_name) or birth_date != person.birth_date or phone):
            raise InvalidFields.of("real_name", "家人已有自己的账号，姓名、生日和电话由本人填写")
        if not known.is_named(real_name):
            if known.name_is_verified or await rests_on_name(person_id):
                raise NameFixed("家人的姓名已经核实，或已用于证书，如需更正请联系社区工作人员")
            if await _known(guardian_id, real_name):
                raise DependantKnown("已有同名的家人")
        if group != _age_group(before[0].relation, person.birth_date):
            raise AgeGroupChanged()
        await execute(
            "UPDATE dependant SET relation = $3 WHERE guardian_id = $1 AND person_id = $2 AND ended_at IS NULL",
            guardian_id,
            person_id,
            str(relation),
        )
        if is_entry:
            await save_details(person_id, real_name=real_name, phone=phone)
            if not phone:
                await empty_details(person_id, "phone", "phone_index")
        person.birth_date = birth_date
        person.version += 1
        await person.save(update_fields=["birth_date", "version"])
        return (await list_dependants(guardian_id, person_id))[0]


def _age_group(relation: Relation, birth_date: date | None) -> tuple[bool, bool]:
    """Whether somebody is a child below 14, and whether they are a minor. Raises InvalidFields."""
    if birth_date is None and relation in _AGE_ASKED:
        raise InvalidFields.of("birth_date", "请填写出生日期")
    if birth_date and birth_date > today():
        raise InvalidFields.of("birth_date", "出生日期不能晚于今天")
    age = age_on(birth_date, today()) if birth_date else OF_AGE
    return age < GUARDED_UNTIL, age < OF_AGE


async def _known(guardian_id: str, real_name: str) -> Any:
    """The one of this name whom they look after already."""
    return await fetch_one(
        "SELECT d.person_id, p.birth_date FROM dependant d JOIN person p ON p.id = d.person_id "
        "JOIN person_details n ON n.person_id = p.id "
        "WHERE d.guardian_id = $1 AND d.ended_at IS NULL AND n.real_name_index = $2 ORDER BY d.id LIMIT 1",
        guardian_id,
        name_index(real_name),
    )


async def end_dependant(guardian_id: str, person_id: str) -> None:
    """The caller no longer looks after this person, whose data go where nobody else does. Raises NotFound."""
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
        if not await exists("SELECT 1 FROM dependant WHERE person_id = $1 AND ended_at IS NULL", person_id):
            await leave_dependant(person_id)


async def show_guardian_code(guardian_id: str, person_id: str) -> GuardianCode:
    """For an adult of the family to scan, who accepts by it. Raises NotFound, WrongState (accepted already)."""
    await _require_waiting(guardian_id, person_id)
    window = _CODE.window_at(clock.now())
    text = _CODE.write(window, guardian_id, person_id)
    return GuardianCode(text, clock.shanghai(_CODE.ends_at(window + 1)), qr_as_text(text))


async def accept_guardian(person_id: str, code: str) -> list[GuardianView]:
    """I agree that this one looks after me; what they wrote of me is replaced by my own account.

    Raises GuardianCodeInvalid, WrongState (one's own code, or one who looks after oneself), NotFound.
    """
    guardian_id, entry_id = _read_code(code)
    if guardian_id == person_id:
        raise WrongState("不能添加自己为家人")
    async with transaction():
        await Person.filter(id__in=[guardian_id, person_id]).order_by("id").select_for_update(no_key=True)
        waiting = await _require_waiting(guardian_id, entry_id)
        await require_consent(person_id, ConsentKind.PRIVACY)
        if await Dependant.exists(guardian_id=guardian_id, person_id=person_id, ended_at=None):
            raise WrongState("对方已在照看您")
        now = clock.now()
        await Dependant.filter(id=waiting.id).update(ended_at=now)
        await leave_dependant(entry_id)
        await Dependant.create(guardian_id=guardian_id, person_id=person_id, relation=waiting.relation, accepted_at=now)
        await record_consent(person_id, ConsentKind.ON_BEHALF)
        await notify([guardian_id], messages.GUARDIAN_ACCEPTED, person=person_id)
        return await list_guardians(person_id)


async def show_shared_guardian(person_id: str | None, code: str) -> SharedCard:
    """Who asks by this code to look after whoever scans it, by nickname alone. Raises GuardianCodeInvalid."""
    guardian_id, entry_id = _read_code(code)
    row = await fetch_one(
        "SELECT g.id, g.shown_nickname FROM person g JOIN dependant d ON d.guardian_id = g.id AND d.person_id = $2 "
        "AND d.ended_at IS NULL AND d.accepted_at IS NULL WHERE g.id = $1",
        guardian_id,
        entry_id,
    )
    if row is None:
        raise GuardianCodeInvalid()
    bar = await find_bar(person_id, consent=ConsentKind.PRIVACY)
    return make_card(row["id"], f"{row['shown_nickname'] or '家人'}想代您办事", "", bar)


async def list_guardians(person_id: str) -> list[GuardianView]:
    """Who looks after one, and since when one has agreed to it."""
    rows = await fetch(
        "SELECT guardian_id, relation, accepted_at FROM dependant WHERE person_id = $1 AND accepted_at IS NOT NULL "
        "AND ended_at IS NULL ORDER BY id",
        person_id,
    )
    people = await describe_persons({row["guardian_id"] for row in rows})
    return [
        GuardianView(
            row["guardian_id"],
            people[row["guardian_id"]]["nickname"],
            people[row["guardian_id"]]["name"],
            Relation(row["relation"]),
            row["accepted_at"],
        )
        for row in rows
    ]


async def end_guardian(person_id: str, guardian_id: str) -> list[GuardianView]:
    """This one looks after me no longer. Raises NotFound."""
    async with transaction():
        await end_dependant(guardian_id, person_id)
        await notify([guardian_id], messages.GUARDIAN_ENDED, person=person_id)
        return await list_guardians(person_id)


async def list_dependants_for_staff(actor_id: str, guardian_id: str) -> list[DependantView]:
    """Whom somebody with business here looks after, and who has still to accept it. Raises NotFound."""
    await require_power_over(actor_id, guardian_id, GRID_WORKERS)
    return await list_dependants(guardian_id)


async def confirm_dependant(actor_id: str, guardian_id: str, person_id: str) -> DependantView:
    """An adult without a phone said before the actor that this one looks after them; the guardian is told.

    Raises NotFound, OwnMatter, WrongState (accepted already).
    """
    require_another(actor_id, guardian_id, person_id)
    organization_id = await require_power_over(actor_id, guardian_id, GRID_WORKERS)
    async with transaction():
        await Person.filter(id=guardian_id).select_for_update(no_key=True).get()
        waiting = await _require_waiting(guardian_id, person_id)
        await Dependant.filter(id=waiting.id).update(accepted_at=clock.now(), noted_by_id=actor_id)
        await record_consent(person_id, ConsentKind.ON_BEHALF, given_by_id=actor_id)
        await record_audit(
            "confirm_dependant",
            actor_id=actor_id,
            subject=("dependant", waiting.id),
            person_id=guardian_id,
            organization_id=organization_id,
        )
        await notify([guardian_id], messages.GUARDIAN_ACCEPTED, person=person_id)
        return (await list_dependants(guardian_id, person_id))[0]


async def _require_waiting(guardian_id: str, person_id: str) -> Dependant:
    """One who has still to accept. Raises NotFound, WrongState."""
    found = await Dependant.get_or_none(guardian_id=guardian_id, person_id=person_id, ended_at=None)
    if found is None:
        raise NotFound()
    if found.accepted_at:
        raise WrongState("对方已同意")
    return found


def _read_code(code: str) -> tuple[str, str]:
    """Guardian and entry that the code tells of. Raises GuardianCodeInvalid when it is none of ours, or too old."""
    read = _CODE.read(code.strip())
    if read is None or len(read.told) != 2 or not _CODE.is_current(read.window, clock.now()):
        raise GuardianCodeInvalid()
    return read.told[0], read.told[1]
