"""The keys and the database belong together; and keys are changed while everything runs."""

import base64
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from tortoise import Tortoise, fields

from server.accounts.details import details_of, save_details
from server.accounts.persons import find_by_phone
from server.check_in.reports.freezing import ReportWords, open_words, seal_content, seal_words
from server.check_in.reports.models import Grade, HalfYearReport, ReportState
from server.foundation import crypto
from server.foundation.crypto import Undecryptable
from server.foundation.database import SEALED, execute, fetch_value
from server.foundation.keys import KeyInUse, KeysWrong, check_keys, reencrypt
from server.foundation.settings import DEMO_KEY, Settings, SettingsInvalid, load_settings
from server.members.models import Membership
from server.organizations.models import RoleGrant
from tests.builders import (
    create_community,
    create_organization,
    create_person,
    create_resident,
    create_staff,
    give_phone,
)
from tests.check_in.builders import create_checked_in
from tests.clients import Api
from tests.held import while_held
from tests.organizations.builders import run_command

NEW_KEY = "new:" + base64.b64encode(b"n" * 32).decode()
OTHER_KEY = "demo:" + base64.b64encode(b"o" * 32).decode()


@pytest.fixture
def use(settings: Settings) -> Iterator[Any]:
    """Take other keys, as a process that was started with them."""

    def use_keys(keys: str, index_key: str = "") -> None:
        crypto.use_keys(msgspec.structs.replace(settings, keys=keys, index_key=index_key))

    yield use_keys
    crypto.use_keys(settings)


@pytest.fixture
async def noted(app: object) -> None:
    """The database knows the demo's key."""
    await check_keys()


async def test_another_key_is_refused(noted: None, use: Any) -> None:
    await check_keys()
    for keys, index_key, why in (
        (NEW_KEY, DEMO_KEY, "the key demo, which LINLI_KEYS does not have"),
        (OTHER_KEY, DEMO_KEY, "the key demo in LINLI_KEYS is another one"),
        (f"{DEMO_KEY},{NEW_KEY}", "", "set LINLI_INDEX_KEY"),
        (DEMO_KEY, NEW_KEY, "set LINLI_INDEX_KEY"),
    ):
        use(keys, index_key)
        with pytest.raises(KeysWrong, match=why):
            await check_keys()
    assert await KeyInUse.all().count() == 2


async def test_data_from_before_the_keys_were_noted(app: object, use: Any) -> None:
    person = await create_person()
    await save_details(person.id, real_name="李敏")
    use(OTHER_KEY)
    with pytest.raises(KeysWrong, match="encrypted with a key"):
        await check_keys()
    assert await KeyInUse.all().count() == 0
    use(DEMO_KEY)
    await check_keys()
    assert await KeyInUse.all().count() == 2


async def test_two_processes_that_begin_at_once_with_different_keys(app: object, use: Any) -> None:
    """The first to note its own wins, and the other waits for it instead of noting its own as well."""

    async def begin_with_another() -> None:
        use(OTHER_KEY)
        with pytest.raises(KeysWrong):
            await check_keys()

    await while_held(check_keys, begin_with_another)
    use(DEMO_KEY)
    await check_keys()
    assert await KeyInUse.all().count() == 2


@pytest.mark.parametrize(
    "command",
    [
        ("serve",),
        ("worker",),
        ("create-manager", "--phone", "13800001111", "--name", "王小明", "--organization", "x"),
        ("reencrypt",),
    ],
)
async def test_no_process_begins_with_another_key(noted: None, settings: Settings, command: tuple[str, ...]) -> None:
    """The demo's key made an unusable second manager in a real database."""
    community = await create_organization(code="x")
    ended = await run_command(settings, *command, LINLI_KEYS=OTHER_KEY)
    assert ended.code == 2, ended
    assert "The keys are not this database's: the key demo" in ended.errors
    assert not await RoleGrant.exists(organization_id=community.id)


async def test_not_ready_with_another_key(noted: None, api: Api, use: Any) -> None:
    response = await api.client.get("/readyz")
    assert (response.status_code, response.json()["keys"]) == (200, "ok")
    use(OTHER_KEY)
    response = await api.client.get("/readyz")
    assert (response.status_code, response.json()["keys"]) == (503, "wrong")


async def test_keys_are_changed_step_by_step(noted: None, api: Api, use: Any) -> None:
    community = await create_community()
    staff, me = await create_staff(api, community), await create_resident(api, community)
    await save_details(me.person_id, real_name="李敏", address="幸福路 1 号")
    await give_phone(me.person_id, "13800001111")
    member = await create_checked_in(api, staff, community)
    membership = await Membership.first()
    assert membership
    report = HalfYearReport(
        membership=membership, community=community, period="2030H2", state=ReportState.RELEASED, minutes=0, points=0
    )
    report.content, report.words = seal_content(report.id, []), seal_words(report.id, ReportWords(home="某机关"))
    report.grade = Grade.EXCELLENT
    report.frozen_at = report.assessed_at = report.settled_at = report.released_at = community.created_at
    await report.save(force_create=True)
    # 1: everywhere the new key only reads. What is written still has the old one.
    use(f"{DEMO_KEY},{NEW_KEY}", DEMO_KEY)
    await check_keys()
    # 2: the new key is in front; a process of the first step reads what it writes.
    use(f"{NEW_KEY},{DEMO_KEY}", DEMO_KEY)
    await check_keys()
    await save_details(me.person_id, address="幸福路 2 号")
    use(f"{DEMO_KEY},{NEW_KEY}", DEMO_KEY)
    assert (await details_of(me.person_id)).address == "幸福路 2 号"
    # 3: what was made with the old one is made anew. Once nothing is left, nobody asks for the old key.
    use(f"{NEW_KEY},{DEMO_KEY}", DEMO_KEY)
    lines: list[str] = []
    assert await reencrypt(lines.append) > 5
    assert "half_year_report.words: 1" in lines
    assert await reencrypt(lines.append) == 0
    use(NEW_KEY, DEMO_KEY)
    await check_keys()
    details = await details_of(me.person_id)
    assert (details.real_name, details.phone, details.address) == ("李敏", "13800001111", "幸福路 2 号")
    assert await find_by_phone("13800001111") == me.person_id
    assert (await member.get("/me/check-ins"))["active"]["residence"]["estate"] == "阳光花园"
    assert open_words(report.id, bytes((await HalfYearReport.get(id=report.id)).words)).home == "某机关"
    use(DEMO_KEY)
    with pytest.raises(Undecryptable):
        await details_of(me.person_id)


async def test_what_changes_meanwhile_is_left_alone(noted: None, use: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    person, other = await create_person(), await create_person()
    for each in (person, other):
        await save_details(each.id, real_name="李敏")
    use(f"{NEW_KEY},{DEMO_KEY}", DEMO_KEY)
    written = crypto.keyring().encrypt("王芳", "person_details.real_name")
    encrypt = crypto.Keyring.encrypt

    def while_somebody_writes(self: Any, plaintext: Any, context: str) -> bytes:
        pending.append(person.id)
        return encrypt(self, plaintext, context)

    pending: list[str] = []
    monkeypatch.setattr(crypto.Keyring, "encrypt", while_somebody_writes)
    # A row that another process has written since the batch was read has another value than was read.
    await execute("UPDATE person_details SET real_name = $2 WHERE person_id = $1", person.id, written)
    assert await reencrypt(lambda line: None) == 1
    assert (await details_of(person.id)).real_name == "王芳"
    assert pending


async def test_the_old_key_is_asked_for_while_anything_needs_it(noted: None, use: Any) -> None:
    """Rows that could not be read were skipped, and the old key was said to be needed no longer."""
    person = await create_person()
    await save_details(person.id, real_name="李敏")
    use(f"{NEW_KEY},{DEMO_KEY}", DEMO_KEY)
    await execute("UPDATE person_details SET real_name = $1", crypto.keyring().encrypt("李敏", "somewhere.else")[:-1])
    await execute("UPDATE person_details SET real_name = set_byte(real_name, 1, 4) WHERE person_id = $1", person.id)
    lines: list[str] = []
    assert await reencrypt(lines.append) == 1
    assert await KeyInUse.exists(purpose="encrypt", key_id="demo")
    assert any("person_details.real_name: 1 left" in line for line in lines)


def test_every_encrypted_column_is_declared(app: object) -> None:
    """Or a change of keys would leave it behind. Others are hashes and blind indexes."""
    others = {
        f"{kind._meta.db_table}.{name}"
        for kind in (Tortoise.apps or {})["linli"].values()
        for name, field in kind._meta.fields_map.items()
        if isinstance(field, fields.BinaryField) and field not in SEALED
    }
    assert {name for name in others if not name.endswith(("_index", "_hash"))} == {
        "console_passkey.credential_id",
        "console_passkey.public_key",
        "key_in_use.fingerprint",
        "picture.sha256",
    }
    assert len(SEALED) == 23


def test_the_index_key_is_one_key() -> None:
    for wrong in ("x", f"{DEMO_KEY},{NEW_KEY}", "a:AAAA"):
        with pytest.raises(SettingsInvalid, match="LINLI_INDEX_KEY"):
            load_settings({"LINLI_INDEX_KEY": wrong})


async def test_a_fingerprint_tells_nothing_of_the_key(noted: None) -> None:
    stored = bytes(await fetch_value("SELECT fingerprint FROM key_in_use WHERE purpose = 'encrypt'"))
    assert base64.b64decode(DEMO_KEY.split(":")[1]) not in stored
