"""Leaving for good: what is open is shown first, then settled as for anybody who leaves, and what tells who the person
was is erased. (个人信息保护法 art. 15, 47.)

The ledger of service, hours, decisions and the audit log stay, without a name: others rest on them.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime

import msgspec

from server.accounts.consent_texts import text_of
from server.accounts.consents import CONSENT_WITHDRAWN, LEAVERS
from server.accounts.details import empty_details
from server.accounts.links import require_free_name
from server.accounts.models import ConsentKind, Person, PersonOrigin
from server.accounts.queries import Me, get_me, is_family_entry, list_consents, list_dependants
from server.accounts.sessions import end_all_sessions
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import execute, exists, fetch, transaction
from server.foundation.errors import NotFound, Refusal, WrongState
from server.foundation.words import Worded
from server.media.uploads.uploading import detach_pictures, remove_pictures_of
from server.organizations.access import holds_role_anywhere
from server.organizations.models import RoleKind

CANCELLED_NICKNAME = "已注销用户"


class MatterKind(Worded):
    """What of a person's can be open."""

    WISH = "wish", "未完成的心愿"
    CLAIM = "claim", "认领的心愿"
    SIGN_UP = "sign_up", "志愿活动报名"
    BOOKING = "booking", "预约"
    HOME_VISIT = "home_visit", "上门服务预约"
    ROOM_BOOKING = "room_booking", "活动室预约"
    TEAM = "team", "志愿团队"
    CHECK_IN = "check_in", "党员报到"
    POST = "post", "岗位"
    CASE = "case", "反映的网格事项"
    DEPENDANT = "dependant", "家人"


class OpenMatter(msgspec.Struct):
    """Something that is open; `at` is when it takes place, where it does."""

    kind: MatterKind
    title: str
    at: datetime | None = None


class Leaving(msgspec.Struct):
    """What follows, in words, and what is open and would be settled by it."""

    follows: str
    matters: list[OpenMatter]


class RolesHeld(Refusal):
    code, title, status = "roles_held", "您仍担任工作角色，请先由管理员结束该角色", 409


OPEN_MATTERS: list[Callable[[str], Awaitable[list[OpenMatter]]]] = []
"""What each feature knows to be open of a person's. Filled by wiring.py."""

ERASERS: list[Callable[[str], Awaitable[None]]] = []
"""What each feature erases of a person's when they cancel, in that transaction. Filled by wiring.py."""

_RESTS_ON: dict[ConsentKind, set[MatterKind]] = {
    ConsentKind.PRIVACY: set(MatterKind),
    ConsentKind.VOLUNTEER_TERMS: {MatterKind.SIGN_UP},
    ConsentKind.MEMBERSHIP_DATA: {MatterKind.CHECK_IN, MatterKind.POST},
    ConsentKind.SENSITIVE_DATA: {MatterKind.HOME_VISIT},
}
"""What ends or is settled with a consent that is taken back."""

_CANCELLING = (
    "注销后，您的微信标识、手机号、姓名、住址、出生日期、昵称、头像、图片、草稿和消息会被清除，且无法恢复；"
    "家人的信息一并清除。服务记录、时长和办理记录去除姓名后保留，证书不能再核验。"
)


async def preview_withdrawal(person_id: str, kind: ConsentKind) -> Leaving:
    """What follows when this consent is taken back, to be read before. Raises NotFound where there is none."""
    if all(consent.kind is not kind for consent in await list_consents(person_id)):
        raise NotFound()
    rests = _RESTS_ON.get(kind, set())
    return Leaving(text_of(kind).withdrawal, [each for each in await _open_matters(person_id) if each.kind in rests])


async def preview_cancellation(person_id: str) -> Leaving:
    """What follows when the account is cancelled 注销, to be read before."""
    return Leaving(_CANCELLING, await _open_matters(person_id))


async def cancel_account(person_id: str) -> None:
    """Settle what is open and erase who the person was; whoever they look after alone goes with them.

    Raises RolesHeld: what somebody does at work is handed over first; WrongState for somebody who is blocked.
    """
    async with transaction():
        # FOR UPDATE: what else the person is doing at this moment ends first (see sessions.hold_caller).
        person = await Person.filter(id=person_id).select_for_update().get()
        if person.closed_at or person.merged_into_id:
            raise WrongState()
        if await holds_role_anywhere(person_id, RoleKind):
            raise RolesHeld()
        for row in await fetch(
            "SELECT d.person_id FROM dependant d JOIN person p ON p.id = d.person_id WHERE d.guardian_id = $1 "
            "AND d.ended_at IS NULL AND p.origin = $2 AND NOT EXISTS (SELECT 1 FROM dependant o "
            "WHERE o.person_id = d.person_id AND o.guardian_id <> $1 AND o.ended_at IS NULL) ORDER BY d.person_id",
            person_id,
            str(PersonOrigin.DEPENDANT),
        ):
            await _erase(row["person_id"])
        await _erase(person_id)
        await record_audit(
            "cancel_account",
            actor_id=person_id,
            subject=("person", person_id),
            person_id=person_id,
            organization_id=person.community_id,
        )


class EmptiableField(Worded):
    """What a person can take back by itself of what they told."""

    REAL_NAME = "real_name", "姓名"
    PHONE = "phone", "手机号"
    ADDRESS = "address", "住址"
    BIRTH_DATE = "birth_date", "出生日期"
    AVATAR = "avatar", "头像"


_COLUMNS = {
    EmptiableField.REAL_NAME: ("real_name", "real_name_index"),
    EmptiableField.PHONE: ("phone", "phone_index", "phone_verified_at"),
    EmptiableField.ADDRESS: ("address",),
}


async def empty_detail(person_id: str, field: EmptiableField) -> Me:
    """The person takes back one thing that they told.

    Raises WrongState for the name and the number of somebody who is checked in as a member, which rests on them, and
    NameFixed for a name that the person may not change either: it would come back as another one.
    """
    async with transaction():
        person = await Person.filter(id=person_id).select_for_update(no_key=True).get()
        if field in (EmptiableField.REAL_NAME, EmptiableField.PHONE) and any(
            matter.kind is MatterKind.CHECK_IN for matter in await _open_matters(person_id)
        ):
            raise WrongState("您已在社区报到，姓名和手机号不能清空；请先退出报到")
        if field is EmptiableField.REAL_NAME:
            await require_free_name(person_id)
        if field in _COLUMNS:
            await empty_details(person_id, *_COLUMNS[field])
        elif field is EmptiableField.BIRTH_DATE:
            await Person.filter(id=person_id).update(birth_date=None)
        else:
            pictures = [each for each in (person.avatar_id, person.shown_avatar_id) if each]
            await Person.filter(id=person_id).update(avatar_id=None, shown_avatar_id=None)
            await detach_pictures(pictures, ("avatar", person_id))
        return await get_me(person_id)


async def open_dependants_of(person_id: str) -> list[OpenMatter]:
    """Whom the person looks after."""
    return [OpenMatter(MatterKind.DEPENDANT, each.name) for each in await list_dependants(person_id)]


async def leave_dependant(person_id: str) -> None:
    """Nobody looks after the person any longer, in the caller's transaction. What the family wrote of them is erased;
    of one whom staff entered, what is open is settled; one who signs in goes on by themselves."""
    if await is_family_entry(person_id):
        await _erase(person_id)
    elif not await exists("SELECT 1 FROM wechat_identity WHERE person_id = $1", person_id):
        for leave in LEAVERS:
            await leave(person_id)


async def _open_matters(person_id: str) -> list[OpenMatter]:
    return [matter for list_open in OPEN_MATTERS for matter in await list_open(person_id)]


async def _erase(person_id: str) -> None:
    now = clock.now()
    # First, since what is settled depends on it: whoever agrees to nothing takes part in nothing.
    await execute("UPDATE consent SET withdrawn_at = $2 WHERE person_id = $1 AND withdrawn_at IS NULL", person_id, now)
    for leave in LEAVERS:
        await leave(person_id)
    for _, end in CONSENT_WITHDRAWN:
        await end(person_id)
    for erase in ERASERS:
        await erase(person_id)
    await end_all_sessions(person_id)
    await remove_pictures_of(person_id)
    for table in (
        *("session", "console_sign_in", "console_password", "console_passkey"),
        *("wechat_identity", "person_details"),
    ):
        await execute(f"DELETE FROM {table} WHERE person_id = $1", person_id)
    await execute(
        "UPDATE dependant SET ended_at = $2 WHERE $1 IN (guardian_id, person_id) AND ended_at IS NULL", person_id, now
    )
    await Person.filter(id=person_id).update(
        nickname="",
        shown_nickname=CANCELLED_NICKNAME,
        avatar_id=None,
        shown_avatar_id=None,
        birth_date=None,
        community_id=None,
        grid_id=None,
        closed_at=now,
        cancelled_at=now,
    )
