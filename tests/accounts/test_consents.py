"""What people agree to: texts with versions, asked for before what rests on them, and again when they change."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from server.accounts import consent_texts
from server.accounts.models import Consent, ConsentKind
from server.foundation.settings import Settings, SettingsInvalid
from tests.builders import create_community, create_person, create_resident, sign_in
from tests.clients import Api
from tests.neighbor_center.builders import MONDAY, at, create_service, set_clock
from tests.volunteering.builders import create_people, publish_shift
from tests.wishes.builders import content


@pytest.fixture
def own_texts(tmp_path: Path) -> Iterator[Path]:
    """A city's own texts."""
    folder = tmp_path / "texts"
    shutil.copytree(Path(consent_texts.__file__).parent / "consent_texts", folder)
    yield folder
    consent_texts.use_texts(Settings())


def change_text(folder: Path, kind: ConsentKind, version: str) -> None:
    file = folder / f"{kind}.txt"
    file.write_text(file.read_text().replace("version: 1", f"version: {version}"))
    consent_texts.use_texts(msgspec.structs.replace(Settings(), consent_texts=folder))


async def test_texts_are_read_before_anybody_signs_in(api: Api) -> None:
    texts = {text["kind"]: text for text in await api.get("/consent-texts")}
    assert set(texts) == set(ConsentKind)
    for text in texts.values():
        assert text["version"] == "1"
        assert len(text["title"]) < 20 < len(text["withdrawal"])
        assert len(text["text"]) > 40
    assert texts["privacy"]["title"] == "隐私政策"


async def test_consents_are_given_and_withdrawn(api: Api) -> None:
    caller = await sign_in(api, await create_person())
    given = await caller.post("/me/consents", {"kind": "volunteer_terms", "text_version": "1"}, expect=200)
    assert (await caller.get("/me"))["is_volunteer"]
    assert {view["kind"] for view in given} == {"privacy", "sensitive_data", "volunteer_terms"}
    assert given == await caller.get("/me/consents")
    # The same again is one more record, and one agreement.
    await caller.post("/me/consents", {"kind": "volunteer_terms", "text_version": "1"})
    left = await caller.delete("/me/consents/volunteer_terms", expect=200)
    assert [view["kind"] for view in left] == ["privacy", "sensitive_data"]
    await caller.refused("DELETE", "/me/consents/volunteer_terms", code="not_found")
    await caller.refused("DELETE", "/me/consents/nothing", code="not_found")
    assert not (await caller.get("/me"))["is_volunteer"]
    assert await Consent.filter(person_id=caller.person_id, kind=ConsentKind.VOLUNTEER_TERMS).count() == 2


async def test_what_nobody_can_have_read_is_not_agreed_to(api: Api) -> None:
    caller = await sign_in(api, await create_person())
    for body, field in (
        ({"kind": "privacy", "text_version": "完全乱写"}, "text_version"),
        ({"kind": "privacy", "text_version": "0"}, "text_version"),
        ({"kind": "guardian", "text_version": "1"}, "kind"),
        ({"kind": "on_behalf", "text_version": "1"}, "kind"),
    ):
        problem = await caller.refused("POST", "/me/consents", body, code="invalid_fields")
        assert problem["errors"][0]["field"] == field
    await caller.refused("PUT", "/me/ranking", {"text_version": "2"}, code="invalid_fields")


@pytest.fixture
async def newcomer(api: Api) -> Api:
    """Somebody who has signed in, and agreed to nothing."""
    set_clock("09:00", MONDAY)
    person = await create_person(community=await create_community())
    await Consent.filter(person_id=person.id).delete()
    return await sign_in(api, person)


async def test_nothing_is_told_before_the_privacy_text(api: Api, newcomer: Api) -> None:
    people = await create_people(api)
    await newcomer.put("/me/community", {"community_id": people.community.id})
    shift_id, service = await publish_shift(people), await create_service(people.community)
    child = {"real_name": "李小明", "relation": "child", "birth_date": "2020-01-01", "guardian_consents": True}
    acts: list[tuple[str, str, Any]] = [
        ("PUT", "/me/phone", {"code": "phone-code"}),
        ("PUT", "/me/details", {"real_name": "李明"}),
        ("POST", "/wishes", content()),
        ("POST", "/me/dependants", child),
        ("POST", f"/shifts/{shift_id}/sign-ups", {}),
        ("POST", f"/services/{service.id}/bookings", {"starts_at": at("09:00")}),
    ]
    assert (await newcomer.get("/me"))["consents_due"] == ["privacy"]
    for method, path, body in acts[1:]:
        problem = await newcomer.refused(method, path, body, code="consent_needed")
        assert (problem["kind"], problem["text_version"]) == ("privacy", "1"), path
        assert "《隐私政策》" in problem["detail"]
    await newcomer.post("/me/consents", {"kind": "privacy", "text_version": "1"})
    assert (await newcomer.get("/me"))["consents_due"] == []
    await newcomer.put("/me/details", {"real_name": "李明"})
    # What is sensitive is asked for by itself.
    for method, path, body in (
        ("PUT", "/me/details", {"real_name": "李明", "address": "统一路 88 号 3 单元 501"}),
        ("POST", "/me/dependants", child),
        ("POST", "/wishes", content(address="统一路 88 号 3 单元 501")),
    ):
        problem = await newcomer.refused(method, path, body, code="consent_needed")
        assert problem["kind"] == "sensitive_data", path
    await newcomer.post("/me/consents", {"kind": "sensitive_data", "text_version": "1"})
    await newcomer.put("/me/details", {"real_name": "李明", "address": "统一路 88 号 3 单元 501"})
    await newcomer.post("/me/dependants", child, expect=201)


async def test_a_member_reads_which_text_is_missing(api: Api) -> None:
    """They were told to accept the privacy text, which they had accepted."""
    community = await create_community()
    resident = await create_resident(api, community)
    body = {
        "community_id": community.id,
        "home_text": "市教育局机关党委第二支部",
        "residence": {"estate": "阳光花园", "building": "3号楼"},
    }
    problem = await resident.refused("POST", "/check-ins", body, code="consent_needed")
    assert (problem["kind"], problem["detail"]) == ("membership_data", "请先阅读并同意《处理党员身份信息》")


async def test_a_changed_text_is_asked_again(api: Api, own_texts: Path) -> None:
    caller = await create_resident(api, await create_community())
    await caller.put("/me/details", {"real_name": "李明"})
    change_text(own_texts, ConsentKind.PRIVACY, "2027-01")
    assert [text["version"] for text in await api.get("/consent-texts") if text["kind"] == "privacy"] == ["2027-01"]
    me = await caller.get("/me")
    assert me["consents_due"] == ["privacy"]
    assert {view["kind"]: view["is_current"] for view in await caller.get("/me/consents")}["privacy"] is False
    problem = await caller.refused("PUT", "/me/details", {"real_name": "李明"}, code="consent_needed")
    assert problem["text_version"] == "2027-01"
    await caller.refused("POST", "/me/consents", {"kind": "privacy", "text_version": "1"}, code="invalid_fields")
    await caller.post("/me/consents", {"kind": "privacy", "text_version": "2027-01"})
    await caller.put("/me/details", {"real_name": "李明"})
    assert (await caller.get("/me"))["consents_due"] == []


def test_a_folder_of_texts_is_complete(own_texts: Path) -> None:
    (own_texts / "privacy.txt").unlink()
    with pytest.raises(SettingsInvalid, match=r"LINLI_CONSENT_TEXTS: .*privacy\.txt"):
        consent_texts.use_texts(msgspec.structs.replace(Settings(), consent_texts=own_texts))
    (own_texts / "privacy.txt").write_text("# 隐私政策\n\n没有版本")
    with pytest.raises(SettingsInvalid, match="needs a title, version"):
        consent_texts.use_texts(msgspec.structs.replace(Settings(), consent_texts=own_texts))
