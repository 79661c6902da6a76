"""Two entries of one person become one: at once where nobody uses one of them, and else when both say so."""

import asyncio
from datetime import timedelta
from typing import Any, NamedTuple

from server.accounts.merges import ANSWER_WITHIN, LAPSE_MERGES
from server.accounts.merging import merge_persons
from server.accounts.models import (
    Consent,
    Dependant,
    MergeProposal,
    MergeState,
    Person,
    PersonOrigin,
    Registration,
    Relation,
)
from server.foundation import clock
from server.foundation.audit import AuditEntry
from server.foundation.database import fetch_value
from server.organizations.models import Level, Organization, RoleKind
from tests.builders import (
    create_community,
    create_organization,
    create_person,
    create_resident,
    create_staff,
    grant,
    register,
    sign_in,
    told,
)
from tests.clients import Api
from tests.volunteering.builders import publish, shift, sign_up


class Cast(NamedTuple):
    """A manager, two residents who use their phones, a bystander, and an entry that the counter made."""

    community: Organization
    manager: Api
    one: Api
    other: Api
    bystander: Api
    entry: Person

    async def merge(self, from_id: str, into_id: str, **how: Any) -> Any:
        return await self.manager.post(f"/staff/persons/{from_id}/merge", {"into_id": into_id}, **how)

    async def refused(self, from_id: str, into_id: str, code: str) -> None:
        await self.manager.refused("POST", f"/staff/persons/{from_id}/merge", {"into_id": into_id}, code=code)


async def create_cast(api: Api) -> Cast:
    community = await create_community(name="望海社区")
    return Cast(
        community,
        await create_staff(api, community, RoleKind.MANAGER),
        await create_resident(api, community, "老王"),
        await create_resident(api, community, "王叔"),
        await create_resident(api, community, "旁人"),
        await create_person(community=community, origin=PersonOrigin.WALK_IN),
    )


async def propose(cast: Cast) -> str:
    """The id of a proposal that `one` is `other`."""
    await cast.merge(cast.one.person_id, cast.other.person_id)
    return (await MergeProposal.get(state=MergeState.PROPOSED)).id


async def test_an_entry_that_nobody_uses_is_merged_at_once(api: Api) -> None:
    cast = await create_cast(api)
    merged = await cast.merge(cast.entry.id, cast.one.person_id)
    assert (merged["is_merged"], merged["lapses_at"], merged["person"]["nickname"]) == (True, None, "老王")
    assert (await Person.get(id=cast.entry.id)).merged_into_id == cast.one.person_id
    assert (await told(cast.one), await told(cast.bystander)) == (["merged"], [])
    await cast.refused(cast.entry.id, cast.other.person_id, "wrong_state")


async def test_two_who_sign_in_are_one_when_both_say_so(api: Api) -> None:
    cast = await create_cast(api)
    answer = await cast.merge(cast.one.person_id, cast.other.person_id)
    assert answer["is_merged"] is False
    assert answer["lapses_at"]
    await cast.refused(cast.one.person_id, cast.other.person_id, "merge_proposed")
    await cast.refused(cast.other.person_id, cast.one.person_id, "merge_proposed")
    assert "望海社区认为您与“王叔”是同一人" in (await cast.one.inbox())[0]["text"]
    (mine,) = (await cast.one.get("/me/merges"))["items"]
    (theirs,) = (await cast.other.get("/me/merges"))["items"]
    assert (mine["nickname"], mine["stays"], theirs["nickname"], theirs["stays"]) == ("王叔", False, "老王", True)
    assert (await cast.bystander.get("/me/merges"))["items"] == []
    path = f"/me/merges/{mine['id']}"
    for stranger in (cast.bystander, cast.manager):
        await stranger.refused("POST", f"{path}/confirm", code="not_found")
        await stranger.refused("POST", f"{path}/decline", code="not_found")
    for _ in range(2):
        assert (await cast.one.post(f"{path}/confirm", expect=200))["is_merged"] is False
    assert (await cast.one.get("/me/merges"))["items"][0]["is_confirmed_by_me"] is True
    assert await told(cast.other) == ["merge_proposed"]
    assert (await cast.other.post(f"{path}/confirm", expect=200))["is_merged"] is True
    assert (await Person.get(id=cast.one.person_id)).merged_into_id == cast.other.person_id
    await cast.one.refused("GET", "/me", code="not_signed_in")
    assert (await told(cast.other))[-1] == "merged"
    await cast.other.refused("POST", f"{path}/confirm", code="wrong_state")
    assert await fetch_value("SELECT count(DISTINCT person_id) FROM wechat_identity WHERE person_id IN ($1, $2)",
                             cast.one.person_id, cast.other.person_id) == 1  # fmt: skip


async def test_one_who_says_no_is_enough(api: Api) -> None:
    cast = await create_cast(api)
    path = f"/me/merges/{await propose(cast)}"
    await cast.one.post(f"{path}/confirm")
    assert (await cast.other.post(f"{path}/decline", expect=200))["items"] == []
    assert (await told(cast.manager), await told(cast.bystander)) == (["merge_declined"], [])
    await cast.other.refused("POST", f"{path}/confirm", code="wrong_state")
    assert not await Person.exists(merged_into_id__isnull=False)
    await propose(cast)


async def test_what_is_not_confirmed_in_time_comes_to_nothing(api: Api) -> None:
    cast = await create_cast(api)
    path = f"/me/merges/{await propose(cast)}"
    await cast.one.post(f"{path}/confirm")
    assert await LAPSE_MERGES.run() == 0
    clock.move_clock(ANSWER_WITHIN + timedelta(minutes=1))
    await cast.other.refused("POST", f"{path}/confirm", code="wrong_state")
    assert (await cast.one.get("/me/merges"))["items"] == []
    assert await LAPSE_MERGES.run() == 1
    assert (await MergeProposal.get()).state is MergeState.LAPSED
    assert await told(cast.manager) == ["merge_declined"]


async def test_a_blocked_person_is_asked_no_longer(api: Api) -> None:
    cast = await create_cast(api)
    path = f"/me/merges/{await propose(cast)}"
    await cast.manager.post(f"/staff/persons/{cast.one.person_id}/block", {"reason": "fraud"})
    await cast.other.refused("POST", f"{path}/confirm", code="wrong_state")
    assert (await cast.other.get("/me/merges"))["items"] == []


async def test_power_ends_where_ones_area_does(api: Api) -> None:
    """A manager who merged the city's manager, who lives here, into himself had the city's role."""
    cast = await create_cast(api)
    me = cast.manager.person_id
    await register(me, cast.community)
    higher, worker = await create_person(community=cast.community), await create_person(community=cast.community)
    await grant(higher, await create_organization(Level.CITY), RoleKind.MANAGER)
    await grant(worker, cast.community)
    newcomer = await create_person(community=cast.community, is_registered=False)
    for from_id, into_id, code in (
        (higher.id, me, "own_matter"),
        (me, cast.one.person_id, "own_matter"),
        (cast.one.person_id, me, "own_matter"),
        (higher.id, cast.one.person_id, "not_allowed"),
        (cast.one.person_id, higher.id, "not_allowed"),
        (newcomer.id, cast.one.person_id, "not_found"),
        (cast.one.person_id, newcomer.id, "not_found"),
        (worker.id, cast.one.person_id, "wrong_state"),
        (cast.one.person_id, cast.one.person_id, "wrong_state"),
    ):
        await cast.refused(from_id, into_id, code)
    staff = await create_staff(api, cast.community)
    body = {"into_id": cast.one.person_id}
    await staff.refused("POST", f"/staff/persons/{cast.entry.id}/merge", body, code="not_found")
    assert not await Person.exists(merged_into_id__isnull=False)
    assert await MergeProposal.all().count() == 0


async def test_a_second_account_of_the_managers_reads_nobodys_copy(api: Api) -> None:
    """It would read drafts and the personal copy as the resident: the resident is asked, and says no or nothing."""
    cast = await create_cast(api)
    second = await sign_in(api, await create_person(community=cast.community, nickname="小号"))
    await cast.merge(second.person_id, cast.one.person_id)
    (asked,) = (await second.get("/me/merges"))["items"]
    assert (await second.post(f"/me/merges/{asked['id']}/confirm", expect=200))["is_merged"] is False
    assert (await second.get("/me"))["id"] == second.person_id


async def test_a_role_that_came_meanwhile_is_not_carried_over(api: Api) -> None:
    cast = await create_cast(api)
    path = f"/me/merges/{await propose(cast)}"
    await cast.one.post(f"{path}/confirm")
    await grant(await Person.get(id=cast.one.person_id), cast.community)
    await cast.other.refused("POST", f"{path}/confirm", code="wrong_state")


async def test_the_people_of_both_organizations_read_of_it(api: Api) -> None:
    cast = await create_cast(api)
    home = await create_community()
    mover = await create_person(community=home, is_registered=False)
    await register(mover.id, cast.community)
    await cast.merge(cast.entry.id, mover.id)
    entries = await AuditEntry.filter(action="merge_persons").order_by("id")
    assert {entry.organization_id for entry in entries} == {cast.community.id}
    assert {(entry.subject_id, entry.person_id) for entry in entries} == {(cast.entry.id, mover.id)}


async def test_both_directions_at_once_happen_once(api: Api) -> None:
    cast = await create_cast(api)
    second = await create_person(community=cast.community, origin=PersonOrigin.ROSTER)
    answers = await asyncio.gather(
        *(
            cast.manager.send("POST", f"/staff/persons/{one}/merge", {"into_id": other})
            for one, other in ((cast.entry.id, second.id), (second.id, cast.entry.id))
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert await Person.filter(merged_into_id__isnull=False).count() == 1


async def test_a_family_moves_with_its_guardian(api: Api) -> None:
    """What both had written down is one child, in one place of a shift; what a bystander wrote stays theirs."""
    cast = await create_cast(api)
    shared, own, theirs = (
        {"real_name": name, "relation": "child", "birth_date": "2019-05-01", "guardian_consents": True}
        for name in ("小红", "小兰", "小竹")
    )
    twice = (await cast.one.post("/me/dependants", shared, expect=201))["person_id"]
    only_ones = (await cast.one.post("/me/dependants", own, expect=201))["person_id"]
    kept = (await cast.other.post("/me/dependants", shared, expect=201))["person_id"]
    only_others = (await cast.other.post("/me/dependants", theirs, expect=201))["person_id"]
    bystanders = await cast.bystander.post("/me/dependants", shared, expect=201)
    days = [await publish(cast.manager, cast.community.id, shift(timedelta(days=day), capacity=5)) for day in (3, 4)]
    await sign_up(cast.one, days[0]["shifts"][0]["id"], twice)
    proposal_id = await propose(cast)
    for each in (cast.one, cast.other):
        await each.post(f"/me/merges/{proposal_id}/confirm")
    family = {row["person_id"] for row in await cast.other.get("/me/dependants")}
    assert family == {kept, only_ones, only_others}
    assert await cast.bystander.get("/me/dependants") == [bystanders]
    assert (await Person.get(id=twice)).merged_into_id == kept
    signed_up = (await cast.other.get("/me/sign-ups"))["items"]
    assert {row["sign_up"]["person_id"] for row in signed_up} == {cast.other.person_id, kept}
    await sign_up(cast.other, days[1]["shifts"][0]["id"], *family)
    # Whoever ends it now takes their consent back too, whichever account had given it.
    await cast.other.delete(f"/me/dependants/{only_ones}", expect=204)
    assert not await Consent.exists(person_id=only_ones, withdrawn_at=None)


async def test_nobody_looks_after_themselves(api: Api) -> None:
    cast = await create_cast(api)
    await Dependant.create(
        guardian_id=cast.one.person_id,
        person_id=cast.other.person_id,
        relation=Relation.PARENT,
        accepted_at=clock.now(),
    )
    await Dependant.create(
        guardian_id=cast.bystander.person_id,
        person_id=cast.one.person_id,
        relation=Relation.PARENT,
        accepted_at=clock.now(),
    )
    proposal_id = await propose(cast)
    for each in (cast.one, cast.other):
        await each.post(f"/me/merges/{proposal_id}/confirm")
    assert await cast.other.get("/me/dependants") == []
    assert [row["person_id"] for row in await cast.bystander.get("/me/dependants")] == [cast.other.person_id]


async def test_who_was_at_the_counter_is_still_known_there(api: Api) -> None:
    cast = await create_cast(api)
    mover = await create_person()
    await merge_persons(cast.entry.id, mover.id, actor_id=None)
    known = await Registration.filter(organization=cast.community).values_list("person_id", flat=True)
    assert {cast.one.person_id, cast.bystander.person_id, mover.id} <= set(known)
    assert cast.entry.id not in known
