"""What WeChat could not judge, the staff decide, each within their own subtree."""

from server.foundation.audit import AuditEntry
from server.moderation.models import Verdict
from server.moderation.verdicts import move_checks, refusal_reason, verdict_of
from server.organizations.models import Level, Organization, RoleKind
from tests.actions import Tries, try_actions
from tests.builders import create_community, create_resident, create_staff
from tests.clients import Api
from tests.moderation.builders import KIND, Notes
from tests.moderation.test_checks import upload_picture
from tests.simulator import Simulator

HELD = "/staff/moderation/held"


async def decide(staff: Api, check_id: str, decision: str, reason: str = "") -> None:
    await staff.post(f"/staff/moderation/{check_id}/decide", {"decision": decision, "reason": reason})


async def test_staff_see_what_is_held_with_its_content(api: Api, simulator: Simulator, notes: Notes) -> None:
    community = await create_community()
    me, staff = await create_resident(api, community), await create_staff(api, community)
    picture = await upload_picture(me)
    await simulator.admin("POST", "picture-verdicts", {"suggest": "review", "label": 20012})
    note = await notes.submit(me, "【复核】看一看", organization_id=community.id, picture_ids=(picture,))
    await notes.submit(me, "没问题", organization_id=community.id)
    await simulator.settle()
    answer = await staff.get(HELD, organization_id=community.id)
    text, shown = answer["items"]
    assert (text["part"], text["texts"], text["picture"]) == ("text", ["【复核】看一看"], None)
    assert (shown["part"], shown["texts"], shown["picture"]["id"], shown["label"]) == ("picture", [], picture, "低俗")
    assert text["subject_id"] == shown["subject_id"] == note
    assert text["author_id"] == me.person_id
    page = await staff.get(HELD, organization_id=community.id, limit=1)
    rest = await staff.get(HELD, organization_id=community.id, cursor=page["next_cursor"])
    assert [item["id"] for item in page["items"] + rest["items"]] == [text["id"], shown["id"]]


async def test_passing_every_part_passes_the_whole(api: Api, simulator: Simulator, notes: Notes) -> None:
    community = await create_community()
    me, staff = await create_resident(api, community), await create_staff(api, community)
    await simulator.admin("POST", "picture-verdicts", {"suggest": "review"})
    note = await notes.submit(me, "【复核】", organization_id=community.id, picture_ids=(await upload_picture(me),))
    await simulator.settle()
    first, second = (await staff.get(HELD, organization_id=community.id))["items"]
    await decide(staff, first["id"], "pass")
    assert await verdict_of(KIND, note) is Verdict.HELD
    await decide(staff, second["id"], "pass")
    await simulator.settle()
    assert notes.told == [(note, Verdict.HELD), (note, Verdict.PASSED)]
    assert (await staff.get(HELD, organization_id=community.id))["items"] == []
    entries = await AuditEntry.filter(action="decide_check", actor_id=staff.person_id)
    assert len(entries) == 2
    assert {entry.organization_id for entry in entries} == {community.id}
    assert {entry.person_id for entry in entries} == {me.person_id}


async def test_a_refusal_needs_a_reason_that_the_author_reads(api: Api, simulator: Simulator, notes: Notes) -> None:
    community = await create_community()
    me, staff = await create_resident(api, community), await create_staff(api, community)
    note = await notes.submit(me, "【复核】", organization_id=community.id)
    await simulator.settle()
    (held,) = (await staff.get(HELD, organization_id=community.id))["items"]
    path = f"/staff/moderation/{held['id']}/decide"
    await staff.refused("POST", path, {"decision": "refuse", "reason": " "}, code="invalid_fields")
    await decide(staff, held["id"], "refuse", "含有他人电话")
    await simulator.settle()
    assert notes.told[-1] == (note, Verdict.REFUSED)
    assert await refusal_reason(KIND, note) == "含有他人电话"
    await staff.refused("POST", path, {"decision": "pass"}, code="wrong_state")


async def test_nobody_decides_about_their_own_words(api: Api, simulator: Simulator, notes: Notes) -> None:
    community = await create_community()
    author, colleague = await create_staff(api, community), await create_staff(api, community)
    note = await notes.submit(author, "【复核】", organization_id=community.id)
    await simulator.settle()
    (held,) = (await author.get(HELD, organization_id=community.id))["items"]
    path = f"/staff/moderation/{held['id']}/decide"
    await author.refused("POST", path, {"decision": "pass"}, code="own_matter")
    await author.refused("POST", path, {"decision": "refuse", "reason": "不好"}, code="own_matter")
    await decide(colleague, held["id"], "pass")
    assert await verdict_of(KIND, note) is Verdict.PASSED


async def test_words_follow_a_person_who_is_merged(api: Api, simulator: Simulator, notes: Notes) -> None:
    community = await create_community()
    me, twin = await create_resident(api, community), await create_staff(api, community)
    await notes.submit(me, "【复核】", organization_id=community.id)
    await move_checks(me.person_id, twin.person_id)
    await simulator.settle()
    (held,) = (await twin.get(HELD, organization_id=community.id))["items"]
    assert held["author_id"] == twin.person_id
    await twin.refused("POST", f"/staff/moderation/{held['id']}/decide", {"decision": "pass"}, code="own_matter")


async def test_an_edited_content_can_no_longer_be_decided(api: Api, simulator: Simulator, notes: Notes) -> None:
    community = await create_community()
    me, staff = await create_resident(api, community), await create_staff(api, community)
    note = await notes.submit(me, "【复核】", organization_id=community.id)
    await simulator.settle()
    (held,) = (await staff.get(HELD, organization_id=community.id))["items"]
    await notes.submit(me, "改好了", note_id=note, organization_id=community.id)
    path = f"/staff/moderation/{held['id']}/decide"
    await staff.refused("POST", path, {"decision": "refuse", "reason": "旧文"}, code="wrong_state")
    assert (await staff.get(HELD, organization_id=community.id))["items"] == []


async def test_roles_reach_their_subtree_and_no_further(api: Api, simulator: Simulator, notes: Notes) -> None:
    community, other = await create_community(), await create_community()
    me = await create_resident(api, community)
    district = await Organization.get(id=(await Organization.get(id=community.parent_id)).parent_id)
    above = await create_staff(api, district, RoleKind.MANAGER)
    elsewhere = await create_staff(api, other)
    observer = await create_staff(api, community, RoleKind.OBSERVER)
    await notes.submit(me, "【复核】", organization_id=community.id)
    await simulator.settle()
    (held,) = (await above.get(HELD, organization_id=community.id))["items"]
    assert len((await above.get(HELD, organization_id=district.id))["items"]) == 1
    assert (await elsewhere.get(HELD, organization_id=other.id))["items"] == []
    await elsewhere.refused("GET", f"{HELD}?organization_id={community.id}", code="not_allowed")
    path = f"/staff/moderation/{held['id']}/decide"
    await elsewhere.refused("POST", path, {"decision": "pass"}, code="not_found")
    await observer.refused("POST", path, {"decision": "pass"}, code="not_found")
    await me.refused("POST", path, {"decision": "pass"}, code="not_allowed")
    await api.refused("POST", path, {"decision": "pass"}, code="not_signed_in")
    await above.refused("POST", f"/staff/moderation/{me.person_id}/decide", {"decision": "pass"}, code="not_found")


async def test_what_belongs_to_no_organization_is_the_citys(api: Api, simulator: Simulator, notes: Notes) -> None:
    community = await create_community()
    city = await Organization.get(level=Level.CITY)
    me, staff = await create_resident(api, community), await create_staff(api, community)
    city_staff = await create_staff(api, city)
    note = await notes.submit(me, "【复核】")
    await simulator.settle()
    assert (await staff.get(HELD, organization_id=community.id))["items"] == []
    (held,) = (await city_staff.get(HELD, organization_id=city.id))["items"]
    await staff.refused("POST", f"/staff/moderation/{held['id']}/decide", {"decision": "pass"}, code="not_found")
    await decide(city_staff, held["id"], "pass")
    assert await verdict_of(KIND, note) is Verdict.PASSED


async def test_what_can_be_decided_is_told_before_the_tap(api: Api, simulator: Simulator, notes: Notes) -> None:
    community = await create_community()
    me, staff = await create_resident(api, community), await create_staff(api, community)
    writer, elsewhere = await create_staff(api, community), await create_staff(api, await create_community())
    picture = await upload_picture(me)
    await simulator.admin("POST", "picture-verdicts", {"suggest": "review"})
    await notes.submit(me, "【复核】", organization_id=community.id, picture_ids=(picture,))
    await notes.submit(writer, "【复核】", organization_id=community.id)
    await simulator.settle()
    held = f"{HELD}?organization_id={community.id}"
    text, shown, own = [each["id"] for each in (await staff.get(held))["items"]]
    decisions: Tries = {
        "pass": ("POST", "decide", {"decision": "pass"}),
        "refuse": ("POST", "decide", {"decision": "refuse", "reason": "含有他人电话"}),
    }

    async def told_to(who: Api, check: str) -> str:
        return await try_actions(who, f"/staff/moderation/{check}", decisions, shown=held)

    assert [await told_to(staff, check) for check in (text, shown, own)] == ["pass refuse"] * 3
    assert await told_to(writer, own) == "pass:own_matter refuse:own_matter"
    await elsewhere.refused("GET", f"/staff/moderation/{text}/actions", code="not_found")
    await me.refused("GET", f"/staff/moderation/{text}/actions", code="not_allowed")
    await decide(staff, text, "refuse", "含有他人电话")
    # The whole is refused with it.
    assert [await told_to(staff, check) for check in (text, shown)] == ["", ""]
