"""Signing in to the console by scanning a code with the mini-program.

The browser shows a code and a number of two digits. The phone shows which browser asks from where, and takes the number
that stands on that screen. Only the browser that asked can use the answer, so whoever is sent a picture of the code, or
sends one to somebody, gains nothing.
"""

import secrets
from datetime import datetime, timedelta

import msgspec

from server.accounts.models import ConsoleSignIn
from server.accounts.sessions import NewSession, open_session
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.crypto import hash_token
from server.foundation.database import transaction
from server.foundation.errors import NotAllowed, NotFound, Refusal
from server.foundation.ids import Id, is_id
from server.organizations.access import holds_role_anywhere
from server.organizations.models import RoleKind

PREFIX = "console."
LASTS = timedelta(minutes=2)
IDLE = timedelta(hours=1)
"""After which a console that nobody uses is signed out."""
_MOST_WRONG = 3


class ConsoleCodeExpired(Refusal):
    code, title, status = "console_code_expired", "二维码已失效，请在电脑上刷新后重新扫码", 409


class WrongNumber(Refusal):
    """`left` more may be tried."""

    code, title, status = "wrong_number", "数字与电脑屏幕上的不一致", 422


class NewConsoleSignIn(msgspec.Struct, kw_only=True):
    """What a browser shows; `nonce` is its own secret."""

    id: Id
    nonce: str
    number: int
    text: str
    expires_at: datetime


class ConsoleSignInView(msgspec.Struct, kw_only=True):
    """Which browser asks, from which address, and until when it may be let in."""

    browser: str
    address: str
    asked_at: datetime
    expires_at: datetime


async def ask_to_sign_in(browser: str, address: str) -> NewConsoleSignIn:
    """A browser asks to be let in."""
    nonce, number = secrets.token_urlsafe(32), 10 + secrets.randbelow(90)
    made = await ConsoleSignIn.create(
        nonce_hash=hash_token(nonce),
        number=number,
        browser=browser[:120],
        address=address,
        expires_at=clock.now() + LASTS,
    )
    return NewConsoleSignIn(
        id=made.id, nonce=nonce, number=number, text=f"{PREFIX}{made.id}", expires_at=made.expires_at
    )


async def view_console_sign_in(person_id: str, code: str) -> ConsoleSignInView:
    """Who asks, for somebody of the staff who scanned the code. Raises NotAllowed, NotFound, ConsoleCodeExpired."""
    await _require_staff(person_id)
    asked = await _waiting(code, lock=False)
    return ConsoleSignInView(
        browser=asked.browser, address=asked.address, asked_at=asked.created_at, expires_at=asked.expires_at
    )


async def approve_console_sign_in(person_id: str, code: str, number: int) -> None:
    """Let the browser in that shows this number. Raises NotAllowed, NotFound, ConsoleCodeExpired, WrongNumber."""
    await _require_staff(person_id)
    async with transaction():
        asked = await _waiting(code)
        if asked.number == number:
            asked.person_id = person_id
            await asked.save(update_fields=["person_id"])
            await _record("sign_in_to_console", person_id, asked)
            return
        asked.wrong += 1
        if asked.wrong >= _MOST_WRONG:
            asked.ended_at = clock.now()
        await asked.save(update_fields=["wrong", "ended_at"])
    # After the commit: a guess counts.
    raise WrongNumber(left=_MOST_WRONG - asked.wrong)


async def refuse_console_sign_in(person_id: str, code: str) -> None:
    """It is not oneself who asks. Raises NotAllowed, NotFound, ConsoleCodeExpired."""
    await _require_staff(person_id)
    async with transaction():
        asked = await _waiting(code)
        asked.ended_at = clock.now()
        await asked.save(update_fields=["ended_at"])
        await _record("refuse_console_sign_in", person_id, asked)


async def enter_console(nonce: str) -> NewSession | None:
    """A session for the browser that asked, once somebody has let it in; None while it waits. Raises
    ConsoleCodeExpired."""
    async with transaction():
        asked = await ConsoleSignIn.filter(nonce_hash=hash_token(nonce)).select_for_update().first()
        if asked is None or asked.ended_at or asked.expires_at <= clock.now():
            raise ConsoleCodeExpired()
        if asked.person_id is None:
            return None
        asked.ended_at = clock.now()
        await asked.save(update_fields=["ended_at"])
        return await open_session(asked.person_id, IDLE)


async def _require_staff(person_id: str) -> None:
    if not await holds_role_anywhere(person_id, RoleKind):
        raise NotAllowed("只有工作人员可以登录工作台")


async def _waiting(code: str, *, lock: bool = True) -> ConsoleSignIn:
    """That which the code is of, if it still waits; locked, so that it is answered once."""
    id = code.removeprefix(PREFIX)
    if not code.startswith(PREFIX) or not is_id(id):
        raise NotFound()
    found = ConsoleSignIn.filter(id=id)
    asked = await (found.select_for_update() if lock else found).first()
    if asked is None:
        raise NotFound()
    if asked.ended_at or asked.person_id or asked.expires_at <= clock.now():
        raise ConsoleCodeExpired()
    return asked


async def _record(action: str, person_id: str, asked: ConsoleSignIn) -> None:
    await record_audit(
        action,
        actor_id=person_id,
        subject=("console_sign_in", asked.id),
        person_id=person_id,
        browser_address=asked.address,
    )
