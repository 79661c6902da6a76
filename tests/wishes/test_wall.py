"""The wall: order, filters, pages, search by index."""

from datetime import timedelta
from typing import Any

from server.foundation.database import execute
from server.foundation.dates import today
from server.organizations.models import Organization
from server.wishes.models import WishAudience, WishKind, WishState
from tests.builders import create_community, create_person, sign_in
from tests.clients import Api
from tests.plans import listening, read_by, refresh
from tests.wishes.builders import People, create_people, put_community, put_wish


async def titles(who: Api, **params: Any) -> list[str]:
    return [card["title"] for card in (await who.get("/wishes", **params))["items"]]


async def put_on_wall(people: People, title: str, *, days: int = 10, **other: Any) -> str:
    return await put_wish(people, WishState.PUBLISHED, title=title, wished_by=today() + timedelta(days=days), **other)


async def test_own_community_first_then_the_subdistrict(api: Api) -> None:
    people = await create_people(api)
    subdistrict = await Organization.get(id=people.community.parent_id)
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
    paged: list[str] = []
    cursor = None
    while True:
        page = await people.stranger.get("/wishes", limit=1, **({"cursor": cursor} if cursor else {}))
        paged += [card["title"] for card in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert paged == ["本社区，急", "本社区，不急", "隔壁社区"]
    await people.stranger.refused("GET", "/wishes?cursor=nonsense", code="invalid_fields")


HOME = (122.12, 37.51)


def east_of_home(meters: float) -> tuple[float, float]:
    """A point that many metres east: at this latitude a degree has 88.3 km."""
    return HOME[0] + meters / 88_300, HOME[1]


async def put_neighbourhood(api: Api) -> People:
    """My community, and one wish each there, nearby in another subdistrict, farther away in my subdistrict, and far
    away."""
    people = await create_people(api)
    await execute("UPDATE organization SET location = point($2, $3) WHERE id = $1", people.community.id, *HOME)
    subdistrict = await Organization.get(id=people.community.parent_id)
    nearby = await put_community("海边社区", location=east_of_home(1500))
    farther = await create_community(parent=subdistrict, name="山上社区", location=east_of_home(8000))
    far_away = await put_community("远方社区", location=east_of_home(30_000))
    await put_on_wall(people, "本社区", days=9)
    await put_on_wall(people._replace(community=nearby), "附近", days=2)
    await put_on_wall(people._replace(community=farther), "本街道", days=1)
    await put_on_wall(people._replace(community=far_away), "远方", days=1)
    return people


async def test_own_community_then_nearby_ones_then_the_subdistrict(api: Api) -> None:
    people = await put_neighbourhood(api)
    cards = (await people.stranger.get("/wishes"))["items"]
    assert [card["title"] for card in cards] == ["本社区", "附近", "本街道"]
    meters = [card["meters"] for card in cards]
    assert meters[0] == 0
    assert abs(meters[1] - 1500) < 20
    assert abs(meters[2] - 8000) < 80
    paged: list[str] = []
    cursor = None
    while cursor is not None or not paged:
        page = await people.stranger.get("/wishes", limit=1, **({"cursor": cursor} if cursor else {}))
        paged += [card["title"] for card in page["items"]]
        cursor = page["next_cursor"]
    assert paged == ["本社区", "附近", "本街道"]


async def test_by_distance(api: Api) -> None:
    people = await put_neighbourhood(api)
    assert await titles(people.stranger, within_meters=1000) == ["本社区"]
    assert await titles(people.stranger, within_meters=2000) == ["本社区", "附近"]
    assert await titles(people.stranger, within_meters=40_000) == ["本社区", "本街道", "远方", "附近"]
    # From where the phone is, which need not be at home.
    longitude, latitude = east_of_home(29_000)
    there = {"longitude": longitude, "latitude": latitude}
    assert await titles(people.stranger, within_meters=2000, **there) == ["远方"]
    in_my_subdistrict = people.community.parent_id
    assert await titles(people.stranger, within_meters=10_000, organization_id=in_my_subdistrict) == [
        "本街道",
        "本社区",
    ]
    nobody = await sign_in(api, await create_person())
    await nobody.refused("GET", "/wishes?within_meters=1000", code="invalid_fields")
    assert await titles(nobody, within_meters=2000, **there) == ["远方"]
    for wrong in ("within_meters=99", "within_meters=50001", "longitude=181", "latitude=91"):
        await people.stranger.refused("GET", f"/wishes?{wrong}", code="invalid_fields")


async def test_by_date(api: Api) -> None:
    people = await create_people(api)
    for days in (1, 5, 9):
        await put_on_wall(people, f"{days} 天", days=days)

    def day(days: int) -> str:
        return (today() + timedelta(days=days)).isoformat()

    assert await titles(people.stranger, wished_until=day(5)) == ["1 天", "5 天"]
    assert await titles(people.stranger, wished_from=day(5)) == ["5 天", "9 天"]
    assert await titles(people.stranger, wished_from=day(2), wished_until=day(8)) == ["5 天"]
    cards = (await people.stranger.get("/wishes"))["items"]
    assert [card["days_left"] for card in cards] == [1, 5, 9]


async def test_filters(api: Api) -> None:
    people = await create_people(api)
    await put_on_wall(people, "陪伴", kind=WishKind.COMPANY, audience=WishAudience.CHILD)
    await put_on_wall(people, "物品", kind=WishKind.THING, audience=WishAudience.DISABLED)
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


async def fill_wall(people: People, *communities: Organization) -> None:
    """3,000 wishes, spread over these communities."""
    await execute(
        "INSERT INTO wish (id, created_at, author_id, beneficiary_id, community_id, state, kind, audience, title, "
        "text, place, picture_ids, wished_by, reason, version, quantity, escalation) "
        "SELECT gen_random_uuid(), $1, $2, $2, ($3::uuid[])[1 + number % cardinality($3)], 'published', 'thing', "
        "'other', '心愿' || number, '第' || number || '个愿望，编号' || md5(number::text), '', '{}', $4, '', 1, 1, 0 "
        "FROM generate_series(1, 3000) number",
        people.community.created_at,
        people.wisher.person_id,
        [community.id for community in communities],
        today() + timedelta(days=10),
    )


async def test_search_uses_the_index(api: Api) -> None:
    people = await create_people(api)
    await fill_wall(people, people.community)
    await put_on_wall(people, "想要一台轮椅")
    await refresh("wish", "organization")
    with listening() as asked:
        assert await titles(people.stranger, search="轮椅") == ["想要一台轮椅"]
    readings = [await read_by(sql, *values) for sql, values in asked if "text_bigrams" in sql]
    assert sum(reading.returned for reading in readings) == 1
    for reading in readings:
        reading.check(spare=50)


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


async def test_what_many_communities_wish_is_not_all_read(api: Api) -> None:
    people = await create_people(api)
    subdistrict = await Organization.get(id=people.community.parent_id)
    others = [await create_community(parent=subdistrict) for _ in range(15)]
    await fill_wall(people, people.community, *others)
    await refresh("wish", "organization")
    for query in ({"organization_id": subdistrict.id}, {"organization_id": subdistrict.parent_id}, {"search": "心愿"}):
        with listening() as asked:
            assert len((await people.stranger.get("/wishes", **query))["items"]) == 20
        (reading,) = [await read_by(sql, *values) for sql, values in asked if "wished_by" in sql and "LIMIT 21" in sql]
        assert reading.returned == 21
        reading.check(spare=100)
