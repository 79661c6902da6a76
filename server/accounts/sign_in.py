"""Signing in with WeChat: a code becomes an identity, an identity a person, a person a session."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import msgspec
import structlog

from server.accounts.consents import require_consent
from server.accounts.models import ConsentKind, Person, PersonOrigin, WeChatIdentity
from server.accounts.persons import give_phone
from server.accounts.queries import Me
from server.accounts.sessions import open_session
from server.foundation import clock
from server.foundation.crypto import keyring
from server.foundation.database import IntegrityError, transaction
from server.foundation.errors import Refusal, Unavailable
from server.wechat import errors as wechat_errors
from server.wechat.connection import platform

log = structlog.get_logger()

_CONTEXT = "wechat_identity.session_key"


class CodeRefused(Refusal):
    code, title, status = "wechat_code_refused", "微信凭证无效或已过期，请重试", 422


class SignInBlocked(Refusal):
    code, title, status = "sign_in_blocked", "微信暂不允许该账号登录", 403


class PersonBlocked(Refusal):
    """By staff, see blocking.py."""

    code, title, status = "person_blocked", "该账号已停用，如有疑问请联系社区", 403


class PhoneUnreadable(Refusal):
    code, title, status = "phone_unreadable", "手机号解密失败，请重新授权", 422


class WeChatSessionStale(Refusal):
    """The client has to call `wx.login` and sign in again before it asks for the phone number in the older form."""

    code, title, status = "wechat_session_stale", "微信登录状态已失效，请重新登录后再授权手机号", 409


class SignedIn(msgspec.Struct, frozen=True):
    """A new session, and whether the person is new to us (the client then asks for phone and community)."""

    token: str
    expires_at: datetime
    person_id: str
    is_new: bool


async def sign_in(code: str, session_days: int) -> SignedIn:
    """A `wx.login` code → a session.

    Raises CodeRefused, SignInBlocked, PersonBlocked, or Unavailable when WeChat does not answer.
    """
    with _refusing():
        session = await platform().code_to_session(code)
    appid = platform().appid
    identity, is_new = await _find_or_create(appid, session.openid, session.unionid)
    if not is_new and await Person.exists(id=identity.person_id, closed_at__isnull=False):
        raise PersonBlocked()
    identity.session_key = keyring().encrypt(session.session_key, _CONTEXT)
    identity.unionid = session.unionid or identity.unionid
    identity.signed_in_at = clock.now()
    await identity.save(update_fields=["session_key", "unionid", "signed_in_at"])
    person_id: str = identity.person_id
    opened = await open_session(person_id, timedelta(days=session_days))
    return SignedIn(opened.token, opened.expires_at, person_id, is_new)


async def give_phone_by_code(person_id: str, code: str) -> Me:
    """A code from the phone-number button → the verified number. Raises ConsentNeeded, CodeRefused, Unavailable."""
    # Before the code is spent: it is good for one call, which WeChat charges for.
    await require_consent(person_id, ConsentKind.PRIVACY)
    with _refusing():
        number = await platform().get_phone_number(code)
    return await give_phone(person_id, number.number)


async def give_phone_by_data(person_id: str, encrypted_data: str, iv: str) -> Me:
    """The older form: data that the client got, decrypted with the session_key of the latest sign-in.

    Raises WeChatSessionStale when `wx.login` has given the phone another session_key since, or it has expired: with an
    old one that somebody got hold of, any number could be made up. Raises PhoneUnreadable, Unavailable.
    """
    identity = (
        await WeChatIdentity.filter(person_id=person_id, appid=platform().appid).order_by("-signed_in_at").first()
    )
    if identity is None or not identity.session_key:
        raise PhoneUnreadable()
    session_key = keyring().decrypt(bytes(identity.session_key), _CONTEXT)
    with _refusing():
        if not await platform().check_session(identity.openid, session_key):
            raise WeChatSessionStale()
    try:
        data = platform().decrypt_data(session_key, encrypted_data, iv)
    except wechat_errors.WeChatError:
        raise PhoneUnreadable() from None
    if not (number := str(data.get("phoneNumber") or "")):
        raise PhoneUnreadable()
    return await give_phone(person_id, number)


async def _find_or_create(appid: str, openid: str, unionid: str | None) -> tuple[WeChatIdentity, bool]:
    identity = await WeChatIdentity.get_or_none(appid=appid, openid=openid)
    if identity:
        return identity, False
    try:
        async with transaction():
            person = await Person.create(origin=PersonOrigin.WECHAT)
            identity = await WeChatIdentity.create(
                person=person, appid=appid, openid=openid, unionid=unionid, signed_in_at=clock.now()
            )
            return identity, True
    except IntegrityError:
        # The same new WeChat user signed in twice at once; the other one made the person.
        return await WeChatIdentity.get(appid=appid, openid=openid), False


@contextmanager
def _refusing() -> Iterator[None]:
    """What WeChat answers inside, as a refusal."""
    try:
        yield
    except wechat_errors.CodeInvalid:
        raise CodeRefused() from None
    except wechat_errors.UserBlocked:
        raise SignInBlocked() from None
    except wechat_errors.WeChatError as error:
        if isinstance(error, wechat_errors.NotAllowed | wechat_errors.RequestInvalid):
            log.error("wechat_refused", error=str(error))  # The operator has to act: people cannot sign in.
        raise Unavailable("微信服务暂时没有响应，请稍后再试") from None
