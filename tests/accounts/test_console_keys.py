"""Passkeys, with an authenticator made of a key: only from this site, for this browser's question, once."""

import hashlib
import json
import secrets
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import bytes_to_base64url

from server.accounts import console_keys
from server.accounts.console_keys import PasskeyRefused, Site
from server.accounts.console_sign_in import ConsoleCodeExpired, ask_to_sign_in
from server.accounts.merging import merge_persons
from server.accounts.models import ConsolePasskey
from server.accounts.sessions import find_caller
from server.foundation import clock
from server.foundation.audit import AuditEntry
from server.foundation.database import execute
from server.foundation.errors import NotAllowed, NotFound
from server.organizations.models import RoleKind
from tests.builders import create_community, create_staff
from tests.clients import Api

SITE, ELSEWHERE = Site("https://linli.example.cn"), Site("https://1inli.example.cn")
USER_IS_THERE, USER_WAS_VERIFIED, HAS_KEY = 0x01, 0x04, 0x40


class Authenticator:
    """What a security chip does: one key, and a count of how often it signed."""

    def __init__(self) -> None:
        self.key, self.id, self.count = ec.generate_private_key(ec.SECP256R1()), secrets.token_bytes(16), 0

    def make(self, options: str, site: Site = SITE) -> str:
        point = self.key.public_key().public_numbers()
        named = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32), -3: point.y.to_bytes(32)}
        told = self._told(site, HAS_KEY) + bytes(16) + len(self.id).to_bytes(2) + self.id + cbor2.dumps(named)
        made = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": told})
        return self._answer({"attestationObject": made, "clientDataJSON": self._asked(options, site, "create")})

    def use(self, options: str, site: Site = SITE) -> str:
        self.count += 1
        told, asked = self._told(site), self._asked(options, site, "get")
        signature = self.key.sign(told + hashlib.sha256(asked).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer({"authenticatorData": told, "clientDataJSON": asked, "signature": signature})

    def _told(self, site: Site, flags: int = 0) -> bytes:
        flags |= USER_IS_THERE | USER_WAS_VERIFIED
        return hashlib.sha256(site.host.encode()).digest() + bytes([flags]) + self.count.to_bytes(4)

    def _asked(self, options: str, site: Site, what: str) -> bytes:
        asked = {"type": f"webauthn.{what}", "challenge": json.loads(options)["challenge"], "origin": site.origin}
        return json.dumps(asked).encode()

    def _answer(self, response: dict[str, bytes]) -> str:
        encoded = {name: bytes_to_base64url(value) for name, value in response.items()}
        name = bytes_to_base64url(self.id)
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": encoded})


async def register(manager: Api, authenticator: Authenticator) -> None:
    options = await console_keys.offer_passkey(manager.person_id, "session", "小陈", SITE)
    await console_keys.add_passkey(manager.person_id, "session", authenticator.make(options), "办公室电脑", SITE)


async def ask() -> tuple[str, str]:
    """A browser's nonce, and what it asks of an authenticator."""
    nonce = (await ask_to_sign_in("Chrome（Windows）", "203.0.113.9")).nonce
    return nonce, console_keys.ask_for_passkey(nonce, SITE)


@pytest.fixture
async def manager(api: Api) -> Api:
    return await create_staff(api, await create_community(), RoleKind.MANAGER)


async def test_a_passkey_lets_its_owner_in_once_for_each_question(manager: Api) -> None:
    chip = Authenticator()
    await register(manager, chip)
    nonce, options = await ask()
    answer = chip.use(options)
    session = await console_keys.enter_with_passkey(nonce, answer, SITE)
    caller = await find_caller(session.token)
    assert caller
    assert caller.person_id == manager.person_id
    with pytest.raises(ConsoleCodeExpired):
        await console_keys.enter_with_passkey(nonce, answer, SITE)
    another, _ = await ask()
    with pytest.raises(PasskeyRefused):
        await console_keys.enter_with_passkey(another, answer, SITE)
    for action in ("add_console_passkey", "enter_console_by_passkey"):
        assert await AuditEntry.filter(action=action, person_id=manager.person_id).count() == 1
    (key,) = (await console_keys.list_console_keys(manager.person_id)).passkeys
    assert (key.name, key.used_at is not None) == ("办公室电脑", True)


async def test_what_is_not_the_keys_own_answer_is_refused(manager: Api) -> None:
    chip, other = Authenticator(), Authenticator()
    await register(manager, chip)
    other.id = chip.id
    for forged in (other.use, lambda options: chip.use(options, ELSEWHERE), lambda _: "{}", lambda _: "nothing"):
        nonce, options = await ask()
        with pytest.raises(PasskeyRefused):
            await console_keys.enter_with_passkey(nonce, forged(options), SITE)
    nonce, options = await ask()
    with pytest.raises(PasskeyRefused):
        await console_keys.enter_with_passkey(nonce, Authenticator().use(options), SITE)
    chip.count = 9
    nonce, options = await ask()
    await console_keys.enter_with_passkey(nonce, chip.use(options), SITE)
    chip.count = 3  # A copy of the chip, which has signed less often.
    nonce, options = await ask()
    with pytest.raises(PasskeyRefused):
        await console_keys.enter_with_passkey(nonce, chip.use(options), SITE)


async def test_it_is_made_by_the_sessions_own_browser_and_belongs_to_one(api: Api, manager: Api) -> None:
    chip = Authenticator()
    options = await console_keys.offer_passkey(manager.person_id, "session", "小陈", SITE)
    for session, made in (("other session", chip.make(options)), ("session", chip.make(options, ELSEWHERE))):
        with pytest.raises(PasskeyRefused):
            await console_keys.add_passkey(manager.person_id, session, made, "", SITE)
    await register(manager, chip)
    another = await create_staff(api, await create_community(), RoleKind.MANAGER)
    with pytest.raises(PasskeyRefused):
        await register(another, chip)
    staff = await create_staff(api, await create_community())
    with pytest.raises(NotAllowed):
        await register(staff, Authenticator())
    (key,) = (await console_keys.list_console_keys(manager.person_id)).passkeys
    with pytest.raises(NotFound):
        await console_keys.remove_passkey(another.person_id, key.id)
    await console_keys.remove_passkey(manager.person_id, key.id)
    nonce, options = await ask()
    with pytest.raises(PasskeyRefused):
        await console_keys.enter_with_passkey(nonce, chip.use(options), SITE)
    assert await AuditEntry.filter(action="remove_console_passkey").count() == 1


async def test_it_opens_nothing_once_the_role_has_ended_or_the_persons_are_one(api: Api, manager: Api) -> None:
    chip = Authenticator()
    await register(manager, chip)
    await execute("UPDATE role_grant SET ended_at = $2 WHERE person_id = $1", manager.person_id, clock.now())
    nonce, options = await ask()
    with pytest.raises(PasskeyRefused):
        await console_keys.enter_with_passkey(nonce, chip.use(options), SITE)
    into: Any = await create_staff(api, await create_community(), RoleKind.MANAGER)
    await merge_persons(manager.person_id, into.person_id, actor_id=None)
    assert await ConsolePasskey.all().count() == 0
