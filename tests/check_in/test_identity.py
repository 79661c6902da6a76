"""Being visible 亮身份: only with consent, for minutes, verifiable by anybody, and nothing more than was shown."""

import io
from datetime import timedelta

import zxingcpp
from PIL import Image

from server.accounts.details import save_details
from server.accounts.models import ConsentKind
from server.check_in.identity import VALID_FOR
from server.foundation import clock
from server.foundation.crypto import keyring
from server.foundation.database import execute
from tests.builders import agree, create_community, create_resident, create_staff
from tests.check_in.builders import application, create_checked_in, create_holder, create_member, create_post
from tests.clients import Api

CONSENT = {"kind": "show_identity", "text_version": "1"}


async def create_visible(api: Api, name: str = "竹岛社区") -> tuple[Api, Api]:
    """A member who agreed to be seen and holds a post, and the community's staff."""
    community = await create_community(name=name)
    staff = await create_staff(api, community)
    member = await create_checked_in(api, staff, community)
    await create_holder(staff, member, await create_post(staff, community))
    await member.post("/me/consents", CONSENT)
    return member, staff


async def test_a_card_is_shown_and_verified(api: Api) -> None:
    member, _ = await create_visible(api)
    card = await member.get("/me/identity-card")
    assert (card["name"], card["community"], card["posts"]) == ("王小明", "竹岛社区", ["楼道监督员"])
    shown = await api.get(f"/identity-cards/{card['code']}")
    assert shown == {
        "name": "王**",
        "community": "竹岛社区",
        "posts": ["楼道监督员"],
        "expires_at": card["expires_at"],
    }
    assert card["address"].endswith(f"/api/v1/identity-cards/{card['code']}/page")
    assert (await member.get("/me/membership"))["shows_identity"]
    again = await member.get("/me/identity-card")
    assert again["code"] != card["code"], "each code is new"
    assert member.person_id not in card["code"]


async def test_the_page_for_any_scanner(api: Api) -> None:
    member, _ = await create_visible(api, "<b>竹岛</b>社区")
    card = await member.get("/me/identity-card")
    page = await api.send("GET", f"/identity-cards/{card['code']}/page")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "王**" in page.text
    assert "楼道监督员" in page.text
    assert "王小明" not in page.text
    assert "&lt;b&gt;竹岛" in page.text
    assert "<b>竹岛" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    clock.move_clock(VALID_FOR)
    page = await api.send("GET", f"/identity-cards/{card['code']}/page")
    assert (page.status_code, "无法核验" in page.text, "竹岛" in page.text) == (404, True, False)


async def test_no_card_has_a_box_in_its_name(api: Api) -> None:
    member, _ = await create_visible(api)
    await save_details(member.person_id, real_name="王\U00020bb7明")
    refused = await member.refused("GET", "/me/identity-card/picture", code="glyph_missing")
    assert refused["characters"] == ["\U00020bb7"]


async def test_the_picture_holds_the_code(api: Api) -> None:
    member, _ = await create_visible(api)
    response = await member.send("GET", "/me/identity-card/picture")
    assert (response.headers["content-type"], response.headers["cache-control"]) == ("image/png", "no-store")
    picture = Image.open(io.BytesIO(response.content))
    assert picture.size == (900, 1350)
    (code,) = zxingcpp.read_barcodes(picture)
    path = code.text.partition("/api/v1")[2]
    assert (await api.get(path.removesuffix("/page")))["name"] == "王**"


async def test_nothing_without_consent(api: Api) -> None:
    member, _ = await create_visible(api)
    code = (await member.get("/me/identity-card"))["code"]
    await member.delete("/me/consents/show_identity")
    await api.refused("GET", f"/identity-cards/{code}", code="not_found")
    for path in ("/me/identity-card", "/me/identity-card/picture"):
        await member.refused("GET", path, code="consent_needed")
    await member.post("/me/consents", CONSENT)
    await api.refused("GET", f"/identity-cards/{code}", code="not_found")
    await api.get(f"/identity-cards/{(await member.get('/me/identity-card'))['code']}")


async def test_nothing_once_the_time_or_the_check_in_is_over(api: Api) -> None:
    member, staff = await create_visible(api)
    code = (await member.get("/me/identity-card"))["code"]
    clock.move_clock(VALID_FOR - timedelta(seconds=5))
    await api.get(f"/identity-cards/{code}")
    clock.move_clock(VALID_FOR + timedelta(seconds=1))
    problem = await api.refused("GET", f"/identity-cards/{code}", code="not_found")
    assert problem["detail"] == "身份码已过期，请对方重新出示"
    code = (await member.get("/me/identity-card"))["code"]
    active = (await member.get("/me/check-ins"))["active"]["id"]
    await staff.post(f"/staff/check-ins/{active}/end", {"reason": "搬走"}, expect=200)
    await api.refused("GET", f"/identity-cards/{code}", code="not_found")
    await member.refused("GET", "/me/identity-card", code="not_found")


async def test_a_code_is_nobodys_but_ours(api: Api) -> None:
    member, _ = await create_visible(api)
    code = (await member.get("/me/identity-card"))["code"]
    forged = [code[:-2] + ("AA" if code[-2:] != "AA" else "BB"), code[:20], "x", "A" * 300, "文字", code + "A" * 4]
    elsewhere = keyring().encrypt(b"x" * 24, "another context").hex()
    for wrong in (*forged, elsewhere):
        await api.refused("GET", f"/identity-cards/{wrong}", code="not_found")
    clock.move_clock(-timedelta(minutes=1))
    await api.refused("GET", f"/identity-cards/{code}", code="not_found")


async def test_a_membership_that_is_over_is_not_shown(api: Api) -> None:
    member, _ = await create_visible(api)
    code = (await member.get("/me/identity-card"))["code"]
    await member.delete("/me/consents/membership_data")
    await api.refused("GET", f"/identity-cards/{code}", code="not_found")
    await execute("UPDATE consent SET withdrawn_at = NULL")
    await api.refused("GET", f"/identity-cards/{code}", code="not_found")


async def test_who_has_nothing_to_show(api: Api) -> None:
    community = await create_community()
    resident = await create_resident(api, community)
    await resident.refused("GET", "/me/identity-card", code="consent_needed")
    await agree(resident.person_id, ConsentKind.SHOW_IDENTITY)
    await resident.refused("GET", "/me/identity-card", code="not_found")
    applied = await create_member(api)
    await agree(applied.person_id, ConsentKind.SHOW_IDENTITY)
    await applied.post("/check-ins", application(community), expect=201)
    await applied.refused("GET", "/me/identity-card", code="not_found")
    await api.refused("GET", "/me/identity-card", code="not_signed_in")


async def test_holders_are_shown_only_with_their_consent(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    post = await create_post(staff, community, places=2)
    seen, unseen = [await create_checked_in(api, staff, community) for _ in range(2)]
    for member in (seen, unseen):
        await create_holder(staff, member, post)
    await agree(seen.person_id, ConsentKind.SHOW_IDENTITY)
    resident = await create_resident(api, community)
    listed = await resident.get(f"/communities/{community.id}/post-holders")
    assert [(holder["name"], holder["title"]) for holder in listed] == [("王**", "楼道监督员")]
    assert set(listed[0]) == {"post_id", "title", "name", "since"}
    await seen.delete("/me/consents/show_identity")
    assert await resident.get(f"/communities/{community.id}/post-holders") == []
