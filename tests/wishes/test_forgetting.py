"""Wishes that came to nothing are forgotten, and where to find those whose wish is over."""

from datetime import timedelta

from server.accounts.models import Person
from server.foundation import clock
from server.wishes.contact import seal_contact
from server.wishes.forgetting import CONTACTS_FORGOTTEN_AFTER, FORGET_WISH_CONTACTS, FORGET_WISHES, FORGOTTEN_AFTER
from server.wishes.models import Wish, WishState
from tests.builders import create_community, create_resident, sign_in
from tests.clients import Api
from tests.wishes.builders import content, create_people, put_picture, put_wish

MINUTE = timedelta(minutes=1)


async def test_drafts_go_and_so_do_wishes_that_nobody_claimed(api: Api) -> None:
    people = await create_people(api)
    kept = [await put_wish(people, state) for state in (WishState.PUBLISHED, WishState.CLAIMED, WishState.FULFILLED)]
    for state in (WishState.WITHDRAWN, WishState.REFUSED, WishState.EXPIRED):
        await put_wish(people, state)
    author = await create_resident(api, await create_community())
    picture = await put_picture(author)
    draft = await author.post("/wishes", content(picture_ids=[picture]), expect=201)
    edited = await author.post("/wishes", content(), expect=201)
    clock.move_clock(FORGOTTEN_AFTER - MINUTE)
    assert await FORGET_WISHES.run() == 0
    author = await sign_in(api, await Person.get(id=author.person_id))
    await author.put(f"/wishes/{edited['id']}", content(title="换一个愿望") | {"version": edited["version"]})
    clock.move_clock(FORGOTTEN_AFTER + MINUTE)
    assert await FORGET_WISHES.run() == 4
    assert await FORGET_WISHES.run() == 0
    left = {wish.id for wish in await Wish.all()}
    assert left == {*kept, edited["id"]}
    author = await sign_in(api, await Person.get(id=author.person_id))
    await author.refused("GET", f"/wishes/{draft['id']}", code="not_found")


async def test_where_to_find_them_goes_when_the_wish_is_over(api: Api) -> None:
    people = await create_people(api)
    ids = {state: await put_wish(people, state) for state in (WishState.CLAIMED, WishState.FULFILLED)}
    for wish_id in ids.values():
        wish = await Wish.get(id=wish_id)
        seal_contact(wish, address="幸福路 7 号", phone="13898765432")
        await wish.save()
    clock.move_clock(CONTACTS_FORGOTTEN_AFTER - MINUTE)
    assert await FORGET_WISH_CONTACTS.run() == 0
    clock.move_clock(CONTACTS_FORGOTTEN_AFTER + MINUTE)
    assert await FORGET_WISH_CONTACTS.run() == 1
    over, open_ = await Wish.get(id=ids[WishState.FULFILLED]), await Wish.get(id=ids[WishState.CLAIMED])
    assert (over.address, over.phone) == (None, None)
    assert open_.address
    assert open_.phone
