"""What persons agree to, and what ends when they no longer do."""

from collections.abc import Awaitable, Callable

from server.accounts.consent_texts import text_of
from server.accounts.models import Consent, ConsentKind
from server.accounts.queries import ConsentView, list_consents
from server.foundation import clock
from server.foundation.database import execute, fetch, transaction
from server.foundation.errors import InvalidFields, NotFound, Refusal

GUARDED_UNTIL = 14
"""Years of age below which a guardian agrees for a child (个人信息保护法 art. 31)."""

LEAVERS: list[Callable[[str], Awaitable[None]]] = []
"""What features do when a person is blocked, withdraws a consent that we work by, or is no longer spoken for: see that
nothing of theirs that is open is lost. Called in that transaction; filled by wiring.py."""

WORKED_BY = (ConsentKind.PRIVACY, ConsentKind.ON_BEHALF, ConsentKind.GUARDIAN)
"""Consents without which nothing of a person's can go on as it is."""

CONSENT_WITHDRAWN: list[tuple[ConsentKind, Callable[[str], Awaitable[None]]]] = []
"""What else ends when a person takes back this one consent; in the same transaction. Filled by wiring.py."""


class GuardianConsentNeeded(Refusal):
    code, title, status = "guardian_consent_needed", "未满十四周岁，须由监护人同意", 422


class ConsentNeeded(Refusal):
    """`kind` and `text_version` tell what to agree to, where the caller can."""

    code, title, status = "consent_needed", "请先阅读并同意相关条款", 403

    @classmethod
    def to(cls, kind: ConsentKind) -> "ConsentNeeded":
        """The caller has not agreed to the text of this kind as it is now."""
        text = text_of(kind)
        return cls(f"请先阅读并同意《{text.title}》", kind=str(kind), text_version=text.version)


async def give_consent(person_id: str, kind: ConsentKind, text_version: str) -> list[ConsentView]:
    """The person agrees to a text as it is now; what they agree to then. Raises InvalidFields for an older or unknown
    version, and for what is agreed on somebody's behalf."""
    if kind in (ConsentKind.GUARDIAN, ConsentKind.ON_BEHALF):
        raise InvalidFields.of("kind", "此项同意在添加家人时记录")
    async with transaction():
        await record_own_consent(person_id, kind, text_version)
        return await list_consents(person_id)


async def record_own_consent(person_id: str, kind: ConsentKind, text_version: str) -> None:
    """The person has read this version. Raises InvalidFields where it is not the one in force."""
    if text_version != text_of(kind).version:
        raise InvalidFields.of("text_version", "条款已更新，请重新阅读后再同意")
    await record_consent(person_id, kind, text_version)


async def withdraw_consent(person_id: str, kind: ConsentKind) -> list[ConsentView]:
    """As easily as it was given (art. 15); what the person still agrees to. Raises NotFound when there is none."""
    async with transaction():
        await end_consent(person_id, kind)
        return await list_consents(person_id)


async def record_consent(
    person_id: str, kind: ConsentKind, text_version: str | None = None, *, given_by_id: str | None = None
) -> None:
    """Record agreement to a version of a text (None: the one in force); a newer version replaces the older one."""
    text_version = text_version or text_of(kind).version
    async with transaction():
        await _hold(person_id)
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
        await _hold(person_id)
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
        for rests_on, end in CONSENT_WITHDRAWN:
            if rests_on is kind:
                await end(person_id)


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
    """In the transaction of what rests on it: whoever takes the consent back waits for its end, or we see that it is
    gone. Raises ConsentNeeded when the person has not agreed to the text in force, or no longer does."""
    # Locking the row itself is lock and look in one: where its end was waited for, it is looked at once more. Only one
    # that was given anew meanwhile is not seen by this, hence the second look.
    values = person_id, str(kind), text_of(kind).version
    if not await fetch(f"{_AGREED} FOR SHARE", *values) and not await fetch(f"{_AGREED} FOR SHARE", *values):
        raise ConsentNeeded.to(kind)


_AGREED = "SELECT 1 FROM consent WHERE person_id = $1 AND kind = $2 AND text_version = $3 AND withdrawn_at IS NULL"


async def _hold(person_id: str) -> None:
    """The person's consents change, one after another."""
    await fetch("SELECT 1 FROM person WHERE id = $1 FOR NO KEY UPDATE", person_id)
