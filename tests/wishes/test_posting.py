"""Writing wishes: drafts, on behalf of somebody, the content check, editing, withdrawing, renewing."""

import asyncio
from datetime import timedelta

from server.accounts.dependants import add_dependant, confirm_dependant
from server.accounts.merging import merge_persons
from server.accounts.models import Consent, ConsentKind, Person, PersonOrigin, Relation
from server.accounts.persons import create_person
from server.foundation import clock
from server.foundation.database import fetch_value
from server.foundation.dates import today
from server.media.uploads.uploading import REMOVE_UNUSED_PICTURES
from server.wishes.contact import open_contact
from server.wishes.models import Wish, WishState
from tests.builders import create_community, create_resident, create_staff, register, told
from tests.clients import Api
from tests.simulator import Simulator
from tests.wishes.builders import (
    content,
    create_people,
    create_picture,
    publish_wish,
    put_picture,
    put_wish,
    submit_wish,
)


async def test_a_draft_may_be_unfinished_but_not_submitted(api: Api) -> None:
    people = await create_people(api)
    body = {"title": "想学手机", "kind": "skill", "audience": "elderly"}
    draft = await people.wisher.post("/wishes", body, expect=201)
    path = f"/wishes/{draft['id']}"
    problem = await people.wisher.refused("POST", f"{path}/submit", code="invalid_fields")
    assert problem["errors"][0]["field"] == "text"
    edited = await people.wisher.put(path, {**body, "text": "教我用手机", "version": 1})
    assert (edited["state"], edited["version"]) == ("draft", 2)
    problem = await people.wisher.refused("POST", f"{path}/submit", code="invalid_fields")
    assert problem["errors"][0]["field"] == "wished_by"
    for days in (0, 181):
        day = (today() + timedelta(days=days)).isoformat()
        await people.wisher.put(
            path, {**body, "text": "教我用手机", "wished_by": day, "version": 2 if days == 0 else 3}
        )
        await people.wisher.refused("POST", f"{path}/submit", code="invalid_fields")


async def test_what_a_draft_refuses(api: Api) -> None:
    people = await create_people(api)
    for wrong in (
        {"title": ""},
        {"title": "   "},
        {"title": "长" * 41},
        {"kind": "nothing"},
        {"audience": "nobody"},
        {"text": "长" * 1001},
        {"phone": "电话"},
        {"picture_ids": ["0" * 22] * 7},
        {"quantity": 0},
        {"quantity": 1000},
        {"quantity": 2, "kind": "company"},
        {"state": "published"},
    ):
        await people.wisher.refused("POST", "/wishes", content(**wrong), code="invalid_fields")
    strangers = await put_picture(people.stranger)
    await people.wisher.refused("POST", "/wishes", content(picture_ids=[strangers]), code="picture_unusable")
    homeless = await create_resident(api, people.community)
    await Person.filter(id=homeless.person_id).update(community_id=None)
    await homeless.refused("POST", "/wishes", content(), code="community_needed")


async def test_what_everybody_reads_says_neither_who_nor_where_nor_a_number(api: Api) -> None:
    people = await create_people(api)
    for field, secret in (("title", "王秀英想要收音机"), ("text", "送到幸福路 1 号 2 单元 301")):
        draft = await people.wisher.post("/wishes", content(**{field: secret}))
        problem = await people.wisher.refused("POST", f"/wishes/{draft['id']}/submit", code="invalid_fields")
        assert problem["errors"][0]["field"] == field
    # A number is not even kept in a draft.
    for field, secret in (
        ("text", "请打 13800001111"),
        ("text", "请打 138-0000-1111 联系"),
        ("text", "电话１３８００００１１１１"),
        ("text", "座机 0631-5223344"),
        ("place", "身份证 37100219600101123X"),
    ):
        problem = await people.wisher.refused("POST", "/wishes", content(**{field: secret}), code="invalid_fields")
        assert problem["errors"][0]["field"] == field
    published = await put_wish(people, WishState.PUBLISHED)
    body = content(text="请打 13800001111", version=1)
    await people.wisher.refused("PUT", f"/wishes/{published}", body, code="invalid_fields")
    claimed = await put_wish(people, WishState.CLAIMED)
    await people.claimer.refused(
        "POST", f"/wishes/{claimed}/notes", {"text": "打我 13800001111"}, code="invalid_fields"
    )
    reported = await put_wish(people, WishState.REPORTED)
    words = {"stars": 5, "text": "谢谢，常打 13800001111"}
    await people.wisher.refused("POST", f"/wishes/{reported}/confirm", words, code="invalid_fields")
    # What only looks a little like one is fine.
    draft = await people.wisher.post("/wishes", content(text="订单 20261124001，要 1380 厘米长的绳子"))
    await people.wisher.post(f"/wishes/{draft['id']}/submit")


async def test_a_stale_edit_is_refused(api: Api) -> None:
    people = await create_people(api)
    draft = await people.wisher.post("/wishes", content())
    path = f"/wishes/{draft['id']}"
    await people.wisher.put(path, content(title="第一次修改", version=1))
    await people.wisher.refused("PUT", path, content(title="第二次修改", version=1), code="edited_meanwhile")
    await people.stranger.refused("PUT", path, content(version=2), code="not_found")


async def test_what_is_emptied_is_gone_and_what_is_left_out_stays(api: Api) -> None:
    people = await create_people(api)
    draft = await people.wisher.post("/wishes", content(phone="13811112222", address="3 号楼"))
    path = f"/wishes/{draft['id']}"
    await people.wisher.put(path, content(phone="", version=1))
    wish = await Wish.get(id=draft["id"])
    assert (open_contact(wish.address, wish.phone)) == ("3 号楼", "")


async def test_pictures_are_exchanged(api: Api) -> None:
    people = await create_people(api)
    first, second = await put_picture(people.wisher), await put_picture(people.wisher)
    draft = await people.wisher.post("/wishes", content(picture_ids=[first]))
    edited = await people.wisher.put(f"/wishes/{draft['id']}", content(picture_ids=[second], version=1))
    assert [picture["id"] for picture in edited["pictures"]] == [second]
    assert await fetch_value("SELECT subject_id FROM picture WHERE id = $1", first) is None
    assert await fetch_value("SELECT subject_id FROM picture WHERE id = $1", second) == draft["id"]
    # What was exchanged belongs to nothing now, and is gone after a day; so is an upload that was never used.
    unused = await create_picture(people.wisher)
    clock.move_clock(timedelta(days=1, minutes=1))
    await REMOVE_UNUSED_PICTURES.run()
    kept = await fetch_value("SELECT array_agg(id) FROM picture WHERE id = ANY($1)", [first, second, unused])
    assert kept == [second]


async def test_publishing_waits_for_the_content_check(api: Api, simulator: Simulator) -> None:
    people = await create_people(api)
    wish = await submit_wish(people.wisher)
    path = f"/staff/wishes/{wish['id']}/publish"
    problem = await people.staff.refused("POST", path, {"version": 1}, code="wish_not_checked")
    assert problem["verdict"] == "pending"
    await simulator.settle()
    await people.staff.post(path, {"version": 1})


async def test_what_wechat_doubts_waits_for_staff(api: Api, simulator: Simulator) -> None:
    people = await create_people(api)
    wish = await submit_wish(people.wisher, text="【复核】")
    await simulator.settle()
    problem = await people.staff.refused(
        "POST", f"/staff/wishes/{wish['id']}/publish", {"version": 1}, code="wish_not_checked"
    )
    assert problem["verdict"] == "held"
    queue = await people.staff.get("/staff/wishes/review", organization_id=people.community.id)
    assert queue["items"][0]["verdict"] == "held"


async def test_what_wechat_refuses_goes_back_with_a_reason(api: Api, simulator: Simulator) -> None:
    people = await create_people(api)
    wish = await submit_wish(people.wisher, text="【违规】")
    await simulator.settle()
    seen = await people.wisher.get(f"/wishes/{wish['id']}")
    assert seen["state"] == "returned"
    assert seen["reason"]
    assert (await told(people.wisher))[-1] == "wish_returned"
    await people.wisher.put(f"/wishes/{wish['id']}", content(text="好好说话", version=1))
    await people.wisher.post(f"/wishes/{wish['id']}/submit")
    await simulator.settle()
    await people.staff.post(f"/staff/wishes/{wish['id']}/publish", {"version": 2})


async def test_a_refused_picture_refuses_the_wish(api: Api, simulator: Simulator) -> None:
    people = await create_people(api)
    wish = await submit_wish(people.wisher, picture_ids=[await create_picture(people.wisher, "red")])
    await simulator.settle()
    assert (await people.wisher.get(f"/wishes/{wish['id']}"))["state"] == "returned"


async def test_staff_do_not_publish_what_they_have_not_read(api: Api, simulator: Simulator) -> None:
    people = await create_people(api)
    wish = await submit_wish(people.wisher)
    await people.wisher.put(f"/wishes/{wish['id']}", content(text="换了内容", version=1))
    await simulator.settle()
    path = f"/staff/wishes/{wish['id']}/publish"
    await people.staff.refused("POST", path, {"version": 1}, code="edited_meanwhile")
    await people.staff.post(path, {"version": 2})


async def test_staff_return_and_refuse_with_reasons(api: Api, simulator: Simulator) -> None:
    people = await create_people(api)
    wish = await submit_wish(people.wisher)
    await simulator.settle()
    path = f"/staff/wishes/{wish['id']}"
    await people.staff.refused("POST", f"{path}/return", {"reason": ""}, code="invalid_fields")
    await people.staff.post(f"{path}/return", {"reason": "请写明尺寸"})
    seen = await people.wisher.get(f"/wishes/{wish['id']}")
    assert (seen["state"], seen["reason"]) == ("returned", "请写明尺寸")
    assert "请写明尺寸" in (await people.wisher.inbox())[0]["text"]
    await people.wisher.post(f"/wishes/{wish['id']}/submit")
    await people.staff.post(f"{path}/refuse", {"reason": "不属于微心愿"})
    assert (await told(people.wisher))[-1] == "wish_refused"
    await people.wisher.refused("PUT", f"/wishes/{wish['id']}", content(version=1), code="wrong_state")


async def test_an_edit_on_the_wall_goes_through_review_again(api: Api, simulator: Simulator) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.PUBLISHED)
    edited = await people.wisher.put(f"/wishes/{wish_id}", content(text="还要两节电池", version=1))
    assert edited["state"] == "submitted"
    assert (await people.stranger.get("/wishes"))["items"] == []
    await simulator.settle()
    await people.staff.post(f"/staff/wishes/{wish_id}/publish", {"version": 2})


async def test_an_edit_while_claimed_tells_the_claimer(api: Api, simulator: Simulator) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.CLAIMED)
    await Wish.filter(id=wish_id).update(submitted_at=clock.now() - timedelta(days=3))
    edited = await people.wisher.put(f"/wishes/{wish_id}", content(text="还要两节电池", version=1))
    assert edited["state"] == "amended"
    assert (await told(people.claimer))[-1] == "wish_edited"
    # In the staff's queue as of now, whenever it was first handed in.
    handed_in = await fetch_value("SELECT submitted_at FROM wish WHERE id = $1", wish_id)
    assert clock.now() - handed_in < timedelta(minutes=1)
    picture_id = await put_picture(people.claimer)
    await people.claimer.refused("POST", f"/wishes/{wish_id}/report", {"picture_ids": [picture_id]}, code="wrong_state")
    await simulator.settle()
    assert await told(people.staff) == ["wish_to_review"]
    published = await people.staff.post(f"/staff/wishes/{wish_id}/publish", {"version": 2})
    assert published["state"] == "claimed"
    assert (await people.claimer.get(f"/wishes/{wish_id}"))["actors"] == ["claimer"]


async def test_an_edit_while_claimed_that_fails_the_check_ends_the_claim(api: Api, simulator: Simulator) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.CLAIMED)
    await people.wisher.put(f"/wishes/{wish_id}", content(text="【违规】", version=1))
    await simulator.settle()
    assert (await people.wisher.get(f"/wishes/{wish_id}"))["state"] == "returned"
    assert (await told(people.claimer))[-1] == "wish_claim_ended"


async def test_withdrawing_tells_the_claimer(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.CLAIMED)
    await people.stranger.refused("POST", f"/wishes/{wish_id}/withdraw", code="not_allowed")
    await people.wisher.post(f"/wishes/{wish_id}/withdraw")
    assert (await told(people.claimer))[-1] == "wish_claim_ended"
    assert (await people.claimer.get("/wishes/claims"))["items"][0]["state"] == "wish_ended"


async def test_a_claim_and_a_withdrawal_at_once(api: Api) -> None:
    people = await create_people(api)
    for _ in range(5):
        wish_id = await put_wish(people, WishState.PUBLISHED)
        claim, withdrawal = await asyncio.gather(
            people.claimer.send("POST", f"/wishes/{wish_id}/claim"),
            people.wisher.send("POST", f"/wishes/{wish_id}/withdraw"),
        )
        assert withdrawal.status_code == 200
        assert claim.status_code in (200, 404)
        assert (await Wish.get(id=wish_id)).state is WishState.WITHDRAWN
        held = "SELECT count(*) FROM wish_claim WHERE wish_id = $1 AND ended_at IS NULL"
        assert await fetch_value(held, wish_id) == 0


async def test_for_somebody_one_looks_after(api: Api, simulator: Simulator) -> None:
    people = await create_people(api)
    mother = await add_dependant(
        people.wisher.person_id,
        real_name="李桂芳",
        relation=Relation.PARENT,
        birth_date=None,
        phone="13811112222",
        guardian_consents=True,
    )
    body = content(beneficiary_id=mother.person_id)
    await people.wisher.refused("POST", "/wishes", body, code="not_found")
    await confirm_dependant(people.staff.person_id, people.wisher.person_id, mother.person_id)
    wish_id = await publish_wish(people, simulator, beneficiary_id=mother.person_id)
    wish = await Wish.get(id=wish_id)
    assert (wish.author_id, wish.beneficiary_id) == (people.wisher.person_id, mother.person_id)
    seen = await people.claimer.get(f"/wishes/{wish_id}")
    assert (seen["beneficiary_name"], seen["is_on_behalf"]) == ("李**", True)
    await people.claimer.post(f"/wishes/{wish_id}/claim")
    assert (await people.claimer.get(f"/wishes/{wish_id}/contact"))["phone"] == "13811112222"
    assert [card["id"] for card in (await people.wisher.get("/wishes/mine"))["items"]] == [wish_id]


async def test_not_for_a_stranger(api: Api) -> None:
    people = await create_people(api)
    body = content(beneficiary_id=people.stranger.person_id, beneficiary_consents=True)
    await people.wisher.refused("POST", "/wishes", body, code="not_found")
    elsewhere = await create_staff(api, await create_community())
    await elsewhere.refused("POST", "/wishes", body, code="not_found")


async def test_staff_for_a_resident_who_agreed(api: Api, simulator: Simulator) -> None:
    people = await create_people(api)
    elder = await create_person(
        PersonOrigin.WALK_IN, real_name="赵大爷", phone="13822223333", community_id=people.community.id
    )
    body = content(beneficiary_id=elder.id)
    await people.staff.refused("POST", "/wishes", body, code="not_found")
    await register(elder.id, people.community)
    await people.staff.refused("POST", "/wishes", body, code="consent_needed")
    wish = await people.staff.post("/wishes", {**body, "beneficiary_consents": True})
    consent = await Consent.get(person_id=elder.id, kind=ConsentKind.ON_BEHALF)
    assert consent.given_by_id == people.staff.person_id
    assert await fetch_value("SELECT count(*) FROM audit_entry WHERE action = 'record_consent'") == 1
    # Consent that was withdrawn is none.
    await Consent.filter(id=consent.id).update(withdrawn_at=clock.now())
    await people.staff.refused("POST", f"/wishes/{wish['id']}/submit", code="consent_needed")
    await Consent.filter(id=consent.id).update(withdrawn_at=None)
    await people.staff.post(f"/wishes/{wish['id']}/submit")
    await simulator.settle()
    await people.staff.post(f"/staff/wishes/{wish['id']}/publish", {"version": 1})


async def test_wishes_and_claims_move_with_a_merged_person(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.CLAIMED)
    kept = await create_resident(api, people.community)
    await merge_persons(people.wisher.person_id, kept.person_id, actor_id=None)
    assert [card["id"] for card in (await kept.get("/wishes/mine"))["items"]] == [wish_id]
    other = await create_resident(api, people.community)
    await merge_persons(people.claimer.person_id, other.person_id, actor_id=None)
    assert [claim["wish"]["id"] for claim in (await other.get("/wishes/claims"))["items"]] == [wish_id]
