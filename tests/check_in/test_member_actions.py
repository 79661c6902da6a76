"""What could be done with a membership, and with moving it here, is told before the tap, and comes true."""

from server.accounts.models import Person
from server.members.memberships import membership_of
from server.organizations.models import PartyOrganization, RoleKind
from tests.actions import Tries, try_actions
from tests.builders import create_community, create_resident, create_staff, grant
from tests.check_in.builders import create_checked_in
from tests.clients import Api

MINE = "/me/membership"
ANSWERS: Tries = {
    "accept": ("POST", MINE + "/transfer", {"accept": True}),
    "decline": ("POST", MINE + "/transfer", {"accept": False}),
}


async def test_of_moving_a_membership(api: Api) -> None:
    community = await create_community()
    staff, colleague = await create_staff(api, community), await create_staff(api, community)
    member = await create_checked_in(api, staff, community, kind="retired")
    path = f"/staff/members/{await membership_of(member.person_id)}"
    party = await PartyOrganization.create(name="竹岛社区党委", host=community, path="t1")

    async def told_to(who: Api) -> str:
        shown = await colleague.get(path)
        home = {name: shown[name] for name in ("kind", "home_organization_id", "home_text")}
        tries: Tries = {
            "change": ("PUT", "", home | {"version": shown["version"], "note": "腿脚不便"}),
            "assign_contact": ("PUT", "contact-person", {"contact_person_id": staff.person_id}),
            "offer_transfer": ("POST", "transfer", None),
            "complete_transfer": ("POST", "transfer/complete", {"home_organization_id": party.id}),
            "end": ("POST", "end", {"reason": "登记有误"}),
        }
        return await try_actions(who, path, tries)

    async def told_to_member() -> str:
        return await try_actions(member, MINE + "/transfer", ANSWERS, shown=MINE)

    assert (await told_to_member(), await told_to(staff)) == (
        "accept decline",
        "change offer_transfer:transfer_open end",
    )
    await member.post(MINE + "/transfer", {"accept": True})
    assert (await told_to_member(), await told_to(staff)) == (
        "",
        "change offer_transfer:transfer_open complete_transfer end",
    )
    await staff.post(f"{path}/transfer/complete", {"home_organization_id": party.id})
    assert (await told_to_member(), await told_to(staff)) == ("", "change offer_transfer end")
    await grant(await Person.get(id=member.person_id), community, RoleKind.STAFF)
    told_of_herself = await try_actions(member, path, {
        "change": ("PUT", "", {"kind": "retired", "home_organization_id": party.id, "version": 1}),
        "offer_transfer": ("POST", "transfer", None),
        "complete_transfer": ("POST", "transfer/complete", {"home_organization_id": party.id}),
        "end": ("POST", "end", {"reason": "登记有误"}),
    })  # fmt: skip
    assert told_of_herself == " ".join(
        f"{name}:own_matter" for name in ("change", "offer_transfer", "complete_transfer", "end")
    )


async def test_of_a_floating_member_and_for_whom(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    member = await create_checked_in(api, staff, community, kind="floating")
    path = f"/staff/members/{await membership_of(member.person_id)}"
    told = {each["action"]: each["ok"] for each in await staff.get(f"{path}/actions")}
    assert told == {"change": True, "assign_contact": True, "end": True}
    assert await member.get(MINE + "/transfer/actions") == []
    await (await create_resident(api, community)).refused("GET", MINE + "/transfer/actions", code="not_found")
    for stranger in (
        await create_staff(api, await create_community()),
        await create_staff(api, community, RoleKind.OBSERVER),
    ):
        await stranger.refused("GET", f"{path}/actions", code="not_found")
    await member.refused("GET", f"{path}/actions", code="not_allowed")
