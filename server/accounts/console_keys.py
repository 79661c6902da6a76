"""Other ways into the console, for managers: a password with a code 动态码 (TOTP), or a passkey 通行密钥 (WebAuthn).

What is tried is limited and in the audit log. Whoever loses either still has the phone to scan with.
"""

import asyncio
import hashlib
import secrets
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pyotp
import webauthn
from webauthn.helpers import options_to_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from server.accounts.console_sign_in import IDLE, ConsoleCodeExpired
from server.accounts.models import ConsolePasskey, ConsolePassword, ConsoleSignIn
from server.accounts.persons import find_by_phone
from server.accounts.sessions import NewSession, open_session
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.crypto import hash_token, keyring
from server.foundation.database import IntegrityError, transaction
from server.foundation.errors import InvalidFields, NotAllowed, NotFound, Refusal
from server.foundation.ids import Id
from server.organizations.access import holds_role_anywhere
from server.organizations.models import RoleKind

SHORTEST = 12
"""Characters of a password."""
MOST_WRONG = 5
CLOSED_FOR = timedelta(minutes=15)
_STEP = 30
_SEAL = "console_password.secret"
_OFFER = "new console secret"
_CHALLENGE = "console passkey"
_SALT = 16


class ConsoleKeyWrong(Refusal):
    """It is not said which: phone, password or code."""

    code, title, status = "console_key_wrong", "手机号、密码或动态码不正确", 422


class ConsoleKeyClosed(Refusal):
    code, title, status = "console_key_closed", "错误次数过多，请十五分钟后再试，或用小程序扫码登录", 429


class PasskeyRefused(Refusal):
    code, title, status = "passkey_refused", "通行密钥没有通过验证，请重试，或用小程序扫码登录", 422


class NewSecret(msgspec.Struct):
    """A secret for an authenticator app: its address for a code to scan, itself to type, and what brings it back."""

    uri: str
    text: str
    signed: str


class PasskeyView(msgspec.Struct):
    id: Id
    name: str
    created_at: datetime
    used_at: datetime | None


class ConsoleKeys(msgspec.Struct):
    """Somebody's other ways into the console."""

    has_password: bool
    passkeys: list[PasskeyView]


class Site(msgspec.Struct):
    """Where the console is: passkeys work there and nowhere else."""

    origin: str

    @property
    def host(self) -> str:
        return urlsplit(self.origin).hostname or ""


async def list_console_keys(person_id: str) -> ConsoleKeys:
    """One's own other ways in."""
    return ConsoleKeys(
        await ConsolePassword.exists(person_id=person_id),
        [
            PasskeyView(key.id, key.name, key.created_at, key.used_at)
            for key in await ConsolePasskey.filter(person_id=person_id).order_by("id")
        ],
    )


def new_secret(person_id: str, account: str) -> NewSecret:
    """A secret of codes, kept nowhere until a first code is typed."""
    secret = pyotp.random_base32()
    uri = pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name="邻里工作台")
    return NewSecret(uri, secret, keyring().write_signed(f"{person_id}.{secret}", _OFFER))


async def set_console_password(person_id: str, password: str, signed_secret: str, code: str) -> None:
    """A password, with the secret whose code was typed; in place of the one there was. Raises NotAllowed,
    InvalidFields."""
    await _require_manager(person_id)
    if len(password) < SHORTEST:
        raise InvalidFields.of("password", f"至少 {SHORTEST} 个字符")
    if len(set(password)) < SHORTEST // 2:
        raise InvalidFields.of("password", "太简单，请换一个")
    owner, _, secret = (keyring().read_signed(signed_secret, _OFFER) or "").partition(".")
    step = _step_of(secret, code) if owner == person_id else None
    if step is None:
        raise InvalidFields.of("code", "动态码不正确")
    password_hash = await _hash(password, secrets.token_bytes(_SALT))
    async with transaction():
        await ConsolePassword.filter(person_id=person_id).delete()
        made = ConsolePassword(person_id=person_id, password_hash=password_hash, used_step=step)
        made.secret = keyring().encrypt(secret, f"{_SEAL}.{made.id}")
        await made.save()
        await _record("set_console_password", person_id)


async def remove_console_password(person_id: str) -> None:
    """Only by phone or passkey from now on."""
    async with transaction():
        if await ConsolePassword.filter(person_id=person_id).delete():
            await _record("remove_console_password", person_id)


async def enter_with_password(phone: str, password: str, code: str) -> NewSession:
    """A session for a manager who knows the password and has the code. Raises ConsoleKeyWrong, ConsoleKeyClosed."""
    try:
        person_id = await find_by_phone(phone)
    except InvalidFields:
        person_id = None
    known = await ConsolePassword.get_or_none(person_id=person_id) if person_id else None
    # As long for whoever has none: how long it takes says nothing of who has one.
    salt = bytes(known.password_hash[:_SALT]) if known else bytes(_SALT)
    given = await _hash(password, salt)
    if known is None or person_id is None or not await _is_manager(person_id):
        raise ConsoleKeyWrong()
    async with transaction():
        # Guesses at once: each is counted before the next is looked at.
        kept = await ConsolePassword.filter(id=known.id).select_for_update().get()
        now = clock.now()
        if kept.closed_until and kept.closed_until > now:
            raise ConsoleKeyClosed(retry_after=int((kept.closed_until - now).total_seconds()) + 1)
        secret = keyring().decrypt(bytes(kept.secret), f"{_SEAL}.{kept.id}")
        step = _step_of(secret, code)
        if compare_digest(given, bytes(kept.password_hash)) and step is not None and step > kept.used_step:
            kept.used_step, kept.wrong, kept.closed_until = step, 0, None
            await kept.save(update_fields=["used_step", "wrong", "closed_until"])
            await _record("enter_console_by_password", person_id)
            return await open_session(person_id, IDLE)
        kept.wrong += 1
        if kept.wrong >= MOST_WRONG:
            kept.wrong, kept.closed_until = 0, now + CLOSED_FOR
        await kept.save(update_fields=["wrong", "closed_until"])
        await _record("refuse_console_password", person_id)
    # After the commit: a guess counts.
    raise ConsoleKeyWrong()


async def offer_passkey(person_id: str, session_id: str, account: str, site: Site) -> str:
    """What a browser needs to make a passkey, as JSON. Raises NotAllowed."""
    await _require_manager(person_id)
    options = webauthn.generate_registration_options(
        rp_id=site.host,
        rp_name="邻里工作台",
        user_name=account,
        user_id=person_id.encode(),
        challenge=_challenge(session_id),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[
            PublicKeyCredentialDescriptor(id=bytes(key.credential_id))
            for key in await ConsolePasskey.filter(person_id=person_id)
        ],
    )
    return options_to_json(options)


async def add_passkey(person_id: str, session_id: str, credential: str, name: str, site: Site) -> None:
    """Keep a passkey that this session's browser has made. Raises NotAllowed, PasskeyRefused."""
    await _require_manager(person_id)
    try:
        made = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=_challenge(session_id),
            expected_rp_id=site.host,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError):
        raise PasskeyRefused() from None
    try:
        async with transaction():
            await ConsolePasskey.create(
                person_id=person_id,
                credential_id=made.credential_id,
                public_key=made.credential_public_key,
                sign_count=made.sign_count,
                name=name[:30] or "通行密钥",
            )
            await _record("add_console_passkey", person_id)
    except IntegrityError:
        raise PasskeyRefused() from None


async def remove_passkey(person_id: str, passkey_id: str) -> None:
    """It opens nothing from now on. Raises NotFound."""
    async with transaction():
        if not await ConsolePasskey.filter(id=passkey_id, person_id=person_id).delete():
            raise NotFound()
        await _record("remove_console_passkey", person_id)


def ask_for_passkey(nonce: str, site: Site) -> str:
    """What a browser that asks to sign in needs to use a passkey, as JSON."""
    options = webauthn.generate_authentication_options(
        rp_id=site.host, challenge=_challenge(nonce), user_verification=UserVerificationRequirement.REQUIRED
    )
    return options_to_json(options)


async def enter_with_passkey(nonce: str, credential: str, site: Site) -> NewSession:
    """A session for the manager whose passkey answered this browser, once. Raises ConsoleCodeExpired,
    PasskeyRefused."""
    async with transaction():
        asked = await ConsoleSignIn.filter(nonce_hash=hash_token(nonce)).select_for_update().first()
        if asked is None or asked.ended_at or asked.person_id or asked.expires_at <= clock.now():
            raise ConsoleCodeExpired()
        key = await _key_of(credential)
        try:
            answer = webauthn.verify_authentication_response(
                credential=credential,
                expected_challenge=_challenge(nonce),
                expected_rp_id=site.host,
                expected_origin=site.origin,
                credential_public_key=bytes(key.public_key),
                credential_current_sign_count=key.sign_count,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError):
            raise PasskeyRefused() from None
        if not await _is_manager(key.person_id):
            raise PasskeyRefused()
        now = clock.now()
        key.sign_count, key.used_at = answer.new_sign_count, now
        await key.save(update_fields=["sign_count", "used_at"])
        asked.person_id, asked.ended_at = key.person_id, now
        await asked.save(update_fields=["person_id", "ended_at"])
        await _record("enter_console_by_passkey", key.person_id)
        return await open_session(key.person_id, IDLE)


async def forget_console_keys(from_id: str, into_id: str) -> None:
    """After two persons turned out to be one: what opened the console for either has to be made anew."""
    for kind in (ConsolePassword, ConsolePasskey):
        await kind.filter(person_id__in=(from_id, into_id)).delete()


async def _key_of(credential: str) -> ConsolePasskey:
    """The passkey that a browser names, locked. Raises PasskeyRefused."""
    try:
        told: Any = webauthn.helpers.parse_authentication_credential_json(credential)
    except (WebAuthnException, ValueError):
        raise PasskeyRefused() from None
    key = await ConsolePasskey.filter(credential_id=told.raw_id).select_for_update().first()
    if key is None:
        raise PasskeyRefused()
    return key


def _challenge(of: str) -> bytes:
    """What a browser signs: of the session that makes a passkey, or the nonce of the browser that enters with one."""
    return keyring().sign(of, _CHALLENGE).encode()


def _step_of(secret: str, code: str) -> int | None:
    """The step whose code this is, the last or the next one where a clock is a little off."""
    now = int(clock.now().timestamp()) // _STEP
    if not secret or not code.isascii() or not code.isdigit():
        return None
    codes = pyotp.TOTP(secret)
    return next((step for step in (now, now - 1, now + 1) if compare_digest(codes.at(step * _STEP), code)), None)


async def _hash(password: str, salt: bytes) -> bytes:
    """Salt and scrypt, in a thread: it takes a tenth of a second on purpose."""
    made = await asyncio.to_thread(
        hashlib.scrypt, password.encode(), salt=salt, n=2**14, r=8, p=5, maxmem=64 * 1024 * 1024
    )
    return salt + made


async def _is_manager(person_id: str) -> bool:
    return await holds_role_anywhere(person_id, (RoleKind.MANAGER,))


async def _require_manager(person_id: str) -> None:
    if not await _is_manager(person_id):
        raise NotAllowed("只有管理员可以设置其他登录方式")


async def _record(action: str, person_id: str) -> None:
    await record_audit(action, actor_id=person_id, subject=("person", person_id), person_id=person_id)
