"""A card has what its list shows: whose it is, how far, how long, how many, and why it came back."""

from datetime import timedelta
from typing import Any

from server.accounts.models import Person
from server.foundation.dates import today
from server.wishes.models import Wish, WishState
from tests.builders import create_community, create_resident, create_staff
from tests.check_in.builders import create_checked_in, create_post
from tests.clients import Api
from tests.neighbor_center.builders import at, book, create_room, create_service, set_clock
from tests.volunteering.builders import create_people as create_volunteers
from tests.volunteering.builders import publish, shift, sign_up
from tests.wishes.builders import create_people, put_wish

HOME, A_KILOMETRE_NORTH = (122.10, 37.50), (122.10, 37.509)


async def wish_card(reader: Api, path: str, wish_id: str) -> dict[str, Any]:
    (card,) = [card for card in (await reader.get(path))["items"] if card["id"] == wish_id]
    found: dict[str, Any] = card
    return found


async def test_a_wish_says_how_long_there_is_and_whose_it_is(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.PUBLISHED)
    for days, said in ((0, "今天到期"), (3, "还剩 3 天")):
        await Wish.filter(id=wish_id).update(wished_by=today() + timedelta(days=days))
        card = await wish_card(people.claimer, "/wishes", wish_id)
        assert (card["time_left"], card["days_left"], card["is_mine"]) == (said, days, False)
    assert (await wish_card(people.wisher, "/wishes", wish_id))["is_mine"] is True
    await Wish.filter(id=wish_id).update(wished_by=today() - timedelta(days=1))
    assert (await wish_card(people.wisher, "/wishes/mine", wish_id))["time_left"] == "已过期"


async def test_a_wish_says_until_when_it_is_claimed_and_why_it_came_back(api: Api) -> None:
    people = await create_people(api)
    claimed = await put_wish(people, WishState.CLAIMED)
    card = await wish_card(people.wisher, "/wishes/mine", claimed)
    due_at = (await people.wisher.get(f"/wishes/{claimed}"))["claim"]["due_at"]
    assert (card["due_at"], card["reason"], card["is_mine"]) == (due_at, "", True)
    returned = await put_wish(people, WishState.RETURNED)
    await Wish.filter(id=returned).update(reason="请写清尺寸")
    card = await wish_card(people.wisher, "/wishes/mine", returned)
    assert (card["reason"], card["due_at"]) == ("请写清尺寸", None)
    listed = await people.staff.get("/staff/wishes", organization_id=people.community.id, state="returned")
    assert [card["reason"] for card in listed["items"]] == ["请写清尺寸"]
    # Who had claimed it is not told why it was sent back to its author.
    await Wish.filter(id=claimed).update(state=WishState.RETURNED, reason="请写清尺寸")
    (claim,) = (await people.claimer.get("/wishes/claims"))["items"]
    assert (claim["wish"]["reason"], claim["wish"]["is_mine"]) == ("", False)


async def test_an_activity_says_how_many_how_far_and_whether_one_is_in(api: Api) -> None:
    people = await create_volunteers(api)
    people.community.location = HOME
    await people.community.save(update_fields=["location"])
    there = {"longitude": A_KILOMETRE_NORTH[0], "latitude": A_KILOMETRE_NORTH[1]}
    made = await publish(people.staff, people.community.id, shift(capacity=1), words={"location": there})
    await publish(people.staff, people.community.id, shift(timedelta(days=5)))
    await sign_up(people.first, made["shifts"][0]["id"])
    await sign_up(people.second, made["shifts"][0]["id"])
    cards = {
        name: (await reader.get("/activities"))["items"][0]
        for name, reader in (("first", people.first), ("second", people.second), ("third", people.third))
    }
    assert {name: card["mine"] for name, card in cards.items()} == {
        "first": "confirmed",
        "second": "waiting",
        "third": None,
    }
    card = cards["third"]
    assert (card["capacity"], card["free"], card["meters"]) == (1, 0, 1001)
    assert card["sign_up_closes_at"] == made["shifts"][0]["sign_up_closes_at"]
    assert (await people.first.get("/activities"))["items"][1]["meters"] is None, "nobody said where it is"
    [near] = (await people.first.get("/activities/nearby", longitude=122.10, latitude=37.5135))["items"]
    assert (near["title"], near["meters"], near["mine"]) == ("清洁家园", 500, "confirmed")
    await people.first.post(f"/sign-ups/{await sign_up_of(people.first)}/cancel")
    assert (await people.first.get("/activities"))["items"][0]["mine"] is None


async def sign_up_of(person: Api) -> str:
    (mine,) = (await person.get("/me/sign-ups"))["items"]
    sign_up_id: str = mine["sign_up"]["id"]
    return sign_up_id


async def test_venues_say_how_far_and_services_when_one_comes(api: Api) -> None:
    set_clock("08:00")
    community = await create_community(location=HOME)
    me, bystander = await create_resident(api, community), await create_resident(api, community)
    service = await create_service(community)
    await service.fetch_related("venue")
    room = await create_room(community)
    [listed] = [venue for venue in (await me.get("/venues"))["items"] if venue["id"] == service.venue.id]
    assert listed["meters"] == 2085
    await Person.filter(id=bystander.person_id).update(community_id=(await create_community()).id)
    elsewhere = (await bystander.get("/venues", organization_id=community.id))["items"]
    assert {venue["meters"] for venue in elsewhere} == {None}

    async def next_of(reader: Api, service_id: str) -> Any:
        return (await reader.get(f"/services/{service_id}"))["my_next_at"]

    assert await next_of(me, service.id) is None
    booked = await book(me, service, "10:00")
    span = {"starts_at": at("15:00"), "ends_at": at("16:00")}
    taken = await me.post(f"/services/{room.id}/room-bookings", span, expect=201)
    assert (await next_of(me, service.id), await next_of(me, room.id)) == (booked["starts_at"], taken["starts_at"])
    (offered,) = (await me.get(f"/venues/{service.venue.id}"))["services"]
    nearby = "/venues/nearby?longitude=122.1&latitude=37.5&meters=3000"

    async def next_at_venues(reader: Api, path: str = nearby) -> dict[str, Any]:
        return {venue["id"]: venue["my_next_at"] for venue in (await reader.get(path))["items"]}

    await room.fetch_related("venue")
    coming = {service.venue.id: booked["starts_at"], room.venue.id: taken["starts_at"]}
    for path in ("/venues", nearby):
        assert await next_at_venues(me, path) == coming
    for reader in (bystander, api):
        assert set((await next_at_venues(reader)).values()) == {None}
    assert offered["my_next_at"] == booked["starts_at"]
    assert {await next_of(reader, service.id) for reader in (bystander, api)} == {None}
    await me.post(f"/bookings/{booked['id']}/cancel", {})
    await me.post(f"/room-bookings/{taken['id']}/cancel", {})
    assert (await next_of(me, service.id), await next_of(me, room.id)) == (None, None)
    assert set((await next_at_venues(me)).values()) == {None}


async def test_a_post_says_how_one_stands_in_it(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    first, second = [await create_checked_in(api, staff, community) for _ in range(2)]
    post, other = [await create_post(staff, community) for _ in range(2)]

    async def mine(reader: Api) -> list[str | None]:
        cards = (await reader.get(f"/communities/{community.id}/posts"))["items"]
        assert [card["id"] for card in cards] == [post, other]
        shown = [await reader.get(f"/posts/{card['id']}") for card in cards]
        assert shown == cards
        return [card["mine"] for card in cards]

    assert await mine(first) == [None, None]
    holding = (await first.post(f"/posts/{post}/apply", expect=201))["id"]
    await second.post(f"/posts/{other}/apply", expect=201)
    assert (await mine(first), await mine(second)) == (["applied", None], [None, "applied"])
    await staff.post(f"/staff/post-holdings/{holding}/approve")
    assert (await mine(first), await mine(staff)) == (["held", None], [None, None])
    await first.post(f"/post-holdings/{holding}/leave", {"reason": "搬家"})
    assert await mine(first) == [None, None]
