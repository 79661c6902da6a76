"""The wall: order, filters, pages, search by index."""

from datetime import timedelta
from typing import Any

from server.database import execute, fetch
from server.organizations.models import Organization
from server.wishes.models import Audience, WishKind, WishState
from server.wishes.queries import SEARCHED
from server.wishes.rules import today
from tests.builders import create_community, create_person, sign_in
from tests.clients import Api
from tests.wishes.builders import People, create_people, put_wish


async def titles(who: Api, **params: Any) -> list[str]:
    return [card["title"] for card in (await who.get("/wishes", **params))["items"]]


async def put_on_wall(people: People, title: str, *, days: int = 10, **other: Any) -> str:
    return await put_wish(people, WishState.PUBLISHED, title=title, wished_by=today() + timedelta(days=days), **other)


async def test_own_community_first_then_the_subdistrict(api: Api) -> None:
    people = await create_people(api)
    subdistrict = await Organization.get(id=people.community.parent_id)  # type: ignore[attr-defined]
    next_door = people._replace(community=await create_community(parent=subdistrict))
    far_away = people._replace(community=await create_community())
    await put_on_wall(people, "本社区，不急", days=20)
    await put_on_wall(people, "本社区，急", days=1)
    await put_on_wall(next_door, "隔壁社区", days=2)
    await put_on_wall(far_away, "外区", days=1)
    assert await titles(people.stranger) == ["本社区，急", "本社区，不急", "隔壁社区"]
    assert await titles(people.stranger, organization_id=next_door.community.id) == ["隔壁社区"]
    assert await titles(people.stranger, organization_id=subdistrict.id) == ["本社区，急", "隔壁社区", "本社区，不急"]
    nobody = await sign_in(api, await create_person())
    assert len(await titles(nobody)) == 4

    # One at a time through both areas gives the same order, with nothing twice and nothing lost.
    paged, cursor = [], None
    while True:
        page = await people.stranger.get("/wishes", limit=1, **({"cursor": cursor} if cursor else {}))
        paged += [card["title"] for card in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert paged == ["本社区，急", "本社区，不急", "隔壁社区"]
    await people.stranger.refused("GET", "/wishes?cursor=nonsense", code="invalid_fields")


async def test_filters(api: Api) -> None:
    people = await create_people(api)
    await put_on_wall(people, "陪伴", kind=WishKind.COMPANY, audience=Audience.CHILD)
    await put_on_wall(people, "物品", kind=WishKind.THING, audience=Audience.DISABLED)
    assert await titles(people.stranger, kind="company") == ["陪伴"]
    assert await titles(people.stranger, audience="disabled") == ["物品"]
    assert await titles(people.stranger, kind="company", audience="disabled") == []
    await people.stranger.refused("GET", "/wishes?kind=nonsense", code="invalid_fields")


async def test_search_finds_two_characters_and_more(api: Api) -> None:
    people = await create_people(api)
    await put_on_wall(people, "想要一台轮椅", text="老人出行不便")
    await put_on_wall(people, "椅子坏了", text="请木工师傅上门")
    await put_on_wall(people, "学用手机", text="想学 WeChat 视频")
    assert await titles(people.stranger, search="轮椅") == ["想要一台轮椅"]
    assert await titles(people.stranger, search="出行不便") == ["想要一台轮椅"]
    assert await titles(people.stranger, search="老人 轮椅") == ["想要一台轮椅"]
    assert await titles(people.stranger, search="轮椅 手机") == []
    assert await titles(people.stranger, search="wechat") == ["学用手机"]
    assert await titles(people.stranger, search="老出") == []
    problem = await people.stranger.refused("GET", "/wishes?search=椅", code="invalid_fields")
    assert problem["errors"][0]["field"] == "search"


async def test_search_uses_the_index(api: Api) -> None:
    people = await create_people(api)
    await execute(
        "INSERT INTO wish (id, created_at, author_id, beneficiary_id, community_id, state, kind, audience, title, "
        "text, place, picture_ids, wished_by, reason, version) "
        "SELECT gen_random_uuid(), $1, $2, $2, $3, 'published', 'thing', 'other', '心愿' || number, "
        "'第' || number || '个愿望，编号' || md5(number::text), '', '{}', $4, '', 1 "
        "FROM generate_series(1, 3000) number",
        people.community.created_at,
        people.wisher.person_id,
        people.community.id,
        today() + timedelta(days=10),
    )
    await put_on_wall(people, "想要一台轮椅")
    await execute("ANALYZE wish")
    plan = "\n".join(
        row[0]
        for row in await fetch(
            f"EXPLAIN SELECT w.id FROM wish w WHERE w.state = 'published' AND text_bigrams({SEARCHED}) @> "
            "text_bigrams('轮椅') ORDER BY w.wished_by, w.id LIMIT 21"
        )
    )
    assert "wish_search" in plan, plan
    assert await titles(people.stranger, search="轮椅") == ["想要一台轮椅"]


async def test_what_is_not_published_is_not_on_the_wall(api: Api) -> None:
    people = await create_people(api)
    for state in WishState:
        await put_wish(people, state)
    page = await people.stranger.get("/wishes")
    assert [card["state"] for card in page["items"]] == ["published"]


async def test_ones_own_lists_and_the_review_queue_have_pages(api: Api) -> None:
    people = await create_people(api)
    made = [await put_wish(people, WishState.SUBMITTED) for _ in range(3)]
    first = await people.wisher.get("/wishes/mine", limit=2)
    rest = await people.wisher.get("/wishes/mine", limit=2, cursor=first["next_cursor"])
    assert [card["id"] for card in first["items"] + rest["items"]] == made[::-1]
    queue = "/staff/wishes/review"
    first = await people.staff.get(queue, organization_id=people.community.id, limit=2)
    rest = await people.staff.get(queue, organization_id=people.community.id, limit=2, cursor=first["next_cursor"])
    assert [item["wish"]["id"] for item in first["items"] + rest["items"]] == made
    listed = await people.staff.get("/staff/wishes", organization_id=people.community.id, state="submitted", limit=2)
    assert [card["id"] for card in listed["items"]] == made[:0:-1]
    rest = await people.staff.get(
        "/staff/wishes",
        organization_id=people.community.id,
        state="submitted",
        limit=2,
        cursor=listed["next_cursor"],
    )
    assert [card["id"] for card in rest["items"]] == made[:1]
    claims = [await put_wish(people, WishState.REPORTED) for _ in range(3)]
    first = await people.claimer.get("/wishes/claims", limit=2)
    rest = await people.claimer.get("/wishes/claims", limit=2, cursor=first["next_cursor"])
    assert [claim["wish"]["id"] for claim in first["items"] + rest["items"]] == claims[::-1]
