"""What persons agree to, and what ends when they no longer do."""

from collections.abc import Awaitable, Callable

from server.accounts.models import Consent, ConsentKind
from server.accounts.queries import ConsentView, has_consent, list_consents
from server.foundation import clock
from server.foundation.database import execute, transaction
from server.foundation.errors import InvalidFields, NotFound, Refusal

GUARDED_UNTIL = 14
"""Years of age below which a guardian agrees for a child (个人信息保护法 art. 31)."""

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


async def give_consent(person_id: str, kind: ConsentKind, text_version: str) -> list[ConsentView]:
    """The person agrees; what they agree to then. Raises InvalidFields for what is agreed on somebody's behalf."""
    if kind in (ConsentKind.GUARDIAN, ConsentKind.ON_BEHALF):
        raise InvalidFields.of("kind", "此项同意在添加家人时记录")
    async with transaction():
        await record_consent(person_id, kind, text_version)
        return await list_consents(person_id)


async def withdraw_consent(person_id: str, kind: ConsentKind) -> list[ConsentView]:
    """As easily as it was given (art. 15); what the person still agrees to. Raises NotFound when there is none."""
    async with transaction():
        await end_consent(person_id, kind)
        return await list_consents(person_id)


async def record_consent(
    person_id: str, kind: ConsentKind, text_version: str, *, given_by_id: str | None = None
) -> None:
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


async def end_consent(person_id: str, kind: ConsentKind) -> None:
    """The person no longer agrees, and what rests on it ends. Raises NotFound when there is none."""
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
    if not await has_consent(person_id, kind):
        raise ConsentNeeded()
