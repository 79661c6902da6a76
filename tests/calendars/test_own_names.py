"""One's own people by name: in clear to oneself and who looks after them, masked to everybody else."""

from datetime import timedelta

from server.accounts.details import save_details
from server.accounts.queries import names_for
from server.foundation.database import execute
from tests.builders import create_community, create_resident, create_staff
from tests.clients import Api
from tests.neighbor_center.builders import MONDAY, book, create_dependant, create_service, set_clock
from tests.volunteering.builders import People, publish_shift, sign_up

CHILDREN = ("李小明", "李小红")


async def test_two_children_are_told_apart(api: Api) -> None:
    set_clock("08:00")
    community = await create_community()
    me, second, bystander = [await create_resident(api, community) for _ in range(3)]
    staff = await create_staff(api, community)
    children = [await create_dependant(me) for _ in CHILDREN]
    for child, name in zip(children, CHILDREN, strict=True):
        await save_details(child.id, real_name=name)
    await save_details(me.person_id, real_name="李大山", phone="+8613800000009", address="统一路 88 号")
    await save_details(bystander.person_id, real_name="王建国")
    assert [one["name"] for one in await me.get("/me/dependants")] == list(CHILDREN)

    service = await create_service(community, capacity=9)
    for child in children:
        assert (await book(me, service, person_id=child.id))["person_name"] in CHILDREN
    assert (await book(me, service, "10:00"))["person_name"] == "李大山"
    shift_id = await publish_shift(People(community, staff, me, second, bystander), timedelta(days=3), capacity=9)
    answer = await sign_up(me, shift_id, *(child.id for child in children))
    assert answer["sign_up"]["person_name"] == "李大山"
    assert [each["name"] for each in answer["sign_up"]["family"]] == list(CHILDREN)
    await sign_up(bystander, shift_id)
    listed = {one["sign_up"]["person_name"] for one in (await me.get("/me/sign-ups"))["items"]}
    assert listed == {"李大山", *CHILDREN}
    since, until = f"{MONDAY}T00:00:00Z", f"{MONDAY + timedelta(days=30)}T00:00:00Z"
    titles = {entry["title"] for entry in (await me.get("/me/calendar", since=since, until=until))["entries"]}
    things = {service.name, "清洁家园"}
    assert titles == things | {f"{thing}（{child}）" for thing in things for child in CHILDREN}
    others = await names_for(me.person_id, [bystander.person_id, children[0].id])
    assert others == {bystander.person_id: "王**", children[0].id: "李小明"}

    # Others read neither, and who no longer looks after them neither.
    shown = await staff.get(f"/staff/shifts/{shift_id}/sign-ups")
    assert {row["name"] for row in shown["items"]} == {"李**", "王**"}
    assert (await names_for(bystander.person_id, [children[0].id])) == {children[0].id: "李**"}
    await execute("UPDATE dependant SET ended_at = created_at WHERE person_id = $1", children[0].id)
    assert (await names_for(me.person_id, [children[0].id])) == {children[0].id: "李**"}


async def test_ones_own_details_for_the_form(api: Api) -> None:
    me, bystander = [await create_resident(api, await create_community()) for _ in range(2)]
    assert await me.get("/me/details") == {"real_name": "", "phone": "", "address": ""}
    await save_details(me.person_id, real_name="李大山", phone="+8613800000009", address="统一路 88 号")
    assert await me.get("/me/details") == {
        "real_name": "李大山",
        "phone": "13800000009",
        "address": "统一路 88 号",
    }
    assert (await bystander.get("/me/details"))["real_name"] == ""
    await api.refused("GET", "/me/details", code="not_signed_in")
