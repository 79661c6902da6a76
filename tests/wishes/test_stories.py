"""Wishes that came true: the public page for anybody, and the poster where both sides agreed."""

import io
from datetime import timedelta
from typing import Any

import zxingcpp
from PIL import Image

from server.foundation.database import execute
from server.media.drawing.lettering import fit_heading, legible, load_font, wrap
from server.media.drawing.wish_poster import WIDTH, WishPoster, draw_wish_poster
from server.media.mini_codes import OPEN_PATH
from server.wishes.models import WishClaim, WishState
from tests.clients import Api
from tests.simulator import Simulator
from tests.wishes.builders import People, create_people, create_picture, put_community, put_team, put_unit, put_wish

STORY = {"note": "收音机送到了", "note_is_shown": True, "words": "太感谢了", "words_are_shown": True, "rating": 5}


async def agree(people: People, wish_id: str) -> None:
    for who in (people.wisher, people.claimer):
        await who.put(f"/wishes/{wish_id}/showing", {"agrees": True})


async def test_the_public_page_needs_no_session(api: Api) -> None:
    people = await create_people(api)
    for state in WishState:
        await put_wish(people, state, title=f"心愿 {state}", claim=STORY if state is WishState.FULFILLED else None)
    (shown,) = (await api.get("/wishes/fulfilled"))["items"]
    assert (shown["title"], shown["community_name"], shown["days"]) == ("心愿 fulfilled", "幸福社区", 0)
    assert shown["story"] is None, "not before both sides agreed"
    response = await api.send("GET", "/wishes/fulfilled")
    for secret in ("王秀英", "王**", "热心人", "太感谢了", people.wisher.person_id, people.claimer.person_id):
        assert secret not in response.text


async def test_a_story_is_told_once_both_sides_agreed(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.FULFILLED, claim=STORY)
    path = f"/wishes/{wish_id}/showing"

    async def story() -> Any:
        return (await api.get("/wishes/fulfilled"))["items"][0]["story"]

    for who in (people.stranger, people.staff):
        await who.refused("PUT", path, {"agrees": True}, code="not_allowed")
    seen = await people.wisher.put(path, {"agrees": True})
    assert (seen["claim"]["wisher_agrees_to_show"], seen["claim"]["claimer_agrees_to_show"]) == (True, False)
    assert await story() is None
    await people.claimer.put(path, {"agrees": True})
    told = await story()
    assert (told["beneficiary_name"], told["helper_name"], told["rating"]["stars"]) == ("王**", "热心人", 5)
    assert (told["note"], told["rating"]["text"]) == ("收音机送到了", "太感谢了")
    # What the content check has not passed is not shown, agreed or not.
    await execute("UPDATE wish_claim SET words_are_shown = false, note_is_shown = false")
    told = await story()
    assert (told["note"], told["rating"]["text"], told["pictures"]) == ("", "", [])
    await people.claimer.put(path, {"agrees": False})
    assert await story() is None
    reported = await put_wish(people, WishState.REPORTED)
    await people.wisher.refused("PUT", f"/wishes/{reported}/showing", {"agrees": True}, code="wrong_state")


async def test_who_withdraws_is_shown_no_longer(api: Api) -> None:
    people = await create_people(api)
    for who in (people.wisher, people.claimer):
        wish_id = await put_wish(people, WishState.FULFILLED, claim=STORY)
        await agree(people, wish_id)
        await who.delete("/me/consents/privacy")
        shown = (await api.get("/wishes/fulfilled"))["items"]
        assert next(item for item in shown if item["id"] == wish_id)["story"] is None


async def test_the_wisher_agrees_while_confirming(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.REPORTED)
    confirmed = await people.wisher.post(f"/wishes/{wish_id}/confirm", {"stars": 5, "agrees_to_show": True})
    assert confirmed["claim"]["wisher_agrees_to_show"] is True
    other = await put_wish(people, WishState.REPORTED)
    confirmed = await people.wisher.post(f"/wishes/{other}/confirm", {"stars": 5})
    assert confirmed["claim"]["wisher_agrees_to_show"] is False


async def test_pages_of_the_latest_first_and_of_one_area(api: Api) -> None:
    people = await create_people(api)
    other = people._replace(community=await put_community("海边社区"))
    now = people.community.created_at
    made = [
        await put_wish(people, WishState.FULFILLED, fulfilled_at=now - timedelta(hours=hours)) for hours in (3, 1, 2)
    ]
    elsewhere = await put_wish(other, WishState.FULFILLED, fulfilled_at=now - timedelta(hours=5))
    expected = [made[1], made[2], made[0], elsewhere]
    listed: list[str] = []
    cursor = None
    while cursor is not None or not listed:
        page = await api.get("/wishes/fulfilled", limit=3, **({"cursor": cursor} if cursor else {}))
        listed += [shown["id"] for shown in page["items"]]
        cursor = page["next_cursor"]
    assert listed == expected
    of_area = await api.get("/wishes/fulfilled", organization_id=other.community.id)
    assert [shown["id"] for shown in of_area["items"]] == [elsewhere]
    await api.refused("GET", "/wishes/fulfilled?cursor=nonsense", code="invalid_fields")


async def test_the_poster(api: Api, simulator: Simulator) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.FULFILLED)
    picture_id = await create_picture(people.claimer, "green")
    await WishClaim.filter(wish_id=wish_id).update(**STORY, picture_ids=[picture_id])
    path = f"/wishes/{wish_id}/poster"
    # To those concerned it is told who has not agreed; for others there is no poster.
    refused = await people.wisher.refused("GET", path, code="poster_not_agreed")
    assert refused["missing"] == ["wisher", "claimer"]
    for who in (api, people.stranger):
        await who.refused("GET", path, code="not_found")
    await agree(people, wish_id)
    before = await simulator.calls("/wxa/getwxacodeunlimit")
    response = await api.send("GET", path)
    assert (response.status_code, response.headers["content-type"]) == (200, "image/jpeg")
    poster = Image.open(io.BytesIO(response.content))
    assert poster.width == WIDTH
    assert poster.height > 1500
    red, green, blue = poster.convert("RGB").getpixel((WIDTH // 2, 600))  # type: ignore[misc]
    assert green > 100 > max(red, blue), "the photo of the report is on it"
    assert (await api.send("GET", path)).content == response.content
    assert await simulator.calls("/wxa/getwxacodeunlimit") == before + 1, "the code is made once"
    await people.claimer.put(f"/wishes/{wish_id}/showing", {"agrees": False})
    await api.refused("GET", path, code="not_found")


async def test_without_wechat_the_poster_has_a_plain_code(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.FULFILLED, claim=STORY)
    await agree(people, wish_id)
    response = await api.send("GET", f"/wishes/{wish_id}/poster")
    assert response.status_code == 200
    # A phone reads it, and what it holds leads back to the wish.
    (code,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(response.content)))
    assert code.text.endswith(f"{OPEN_PATH}w={wish_id}")
    scene = code.text
    resolved = await api.get("/scene", scene=scene)
    assert (resolved["kind"], resolved["id"], resolved["page"]) == ("wish", wish_id, f"pages/wish/detail?id={wish_id}")
    hidden = await put_wish(people, WishState.SUBMITTED)
    await api.refused("GET", f"/scene?scene=w={hidden}", code="not_found")


async def test_a_unit_and_a_team_stand_under_their_names(api: Api) -> None:
    people = await create_people(api)
    unit = await put_unit(people.community, people.claimer)
    team = await put_team(people.claimer, people.stranger, community=people.community)
    for held, name in (({"unit_id": unit.id}, "供电公司"), ({"team_id": team.id}, "海风志愿队")):
        wish_id = await put_wish(people, WishState.FULFILLED, claim=STORY | held)
        await agree(people, wish_id)
        shown = (await api.get("/wishes/fulfilled"))["items"]
        story = next(item for item in shown if item["id"] == wish_id)
        assert story["story"]["helper_name"] == name
        assert (story["by_unit"], story["by_team"]) == ("unit_id" in held, "team_id" in held)
        assert (await api.send("GET", f"/wishes/{wish_id}/poster")).status_code == 200


def test_words_stay_inside_and_break_where_chinese_may() -> None:
    text = "孩子收到书高兴得跳起来，“一晚上就看完了一本”，还给叔叔阿姨们画了画（ISBN 978-7-5322）。" * 3
    for width in range(300, 700, 37):
        lines = wrap(text, 38, width, serif=True)
        assert "".join(line.replace(" ", "") for line in lines) == text.replace(" ", "")
        for line in lines:
            assert line[0] not in "，。、；：？！）》」”’", lines
            assert line[-1] not in "（《「“‘", lines
        # A comma may hang over the edge by half of its square.
        font = load_font(38)
        assert all(font.getlength(line) <= width + 38 for line in lines)
    assert wrap(text, 38, 500, lines=2)[-1].endswith("…")


def test_titles_shrink_and_emoji_go() -> None:
    assert fit_heading("想要一台收音机", 76, 56, 824, lines=3, serif=True) == (["想要一台收音机"], 76)
    lines, size = fit_heading("长" * 40, 76, 56, 824, lines=3, serif=True)
    assert len(lines) <= 3
    assert size == 56
    assert legible("太好了😊🎉 谢谢\x00") == "太好了 谢谢"


def test_a_poster_without_a_picture_or_words() -> None:
    code = io.BytesIO()
    Image.new("RGB", (200, 200), "black").save(code, "PNG")
    poster = WishPoster(
        title="愿" * 40,
        tags=("陪伴", "为困难家庭"),
        community="社" * 100,
        month="2026 年 1 月",
        wisher="",
        helper="单" * 100,
        helper_role="圆梦单位",
        took="当天实现",
        rating=None,
        words="",
        picture=None,
        code=code.getvalue(),
        code_hint="微信扫一扫，看看还有哪些心愿",
    )
    drawn = Image.open(io.BytesIO(draw_wish_poster(poster)))
    assert drawn.width == WIDTH
    assert 1000 < drawn.height < 2000
