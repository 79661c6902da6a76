"""A wish from the draft to the thanks, over HTTP, with WeChat's content check."""

from datetime import timedelta

from server.foundation import clock
from server.foundation.database import fetch_value
from tests.builders import told
from tests.clients import Api
from tests.simulator import Simulator
from tests.wishes.builders import content, create_people, create_picture


async def test_a_wish_comes_true(api: Api, simulator: Simulator) -> None:
    people = await create_people(api)
    await simulator.accept(people.wisher, "review_result", "wish_progress")
    picture_id = await create_picture(people.wisher)
    draft = await people.wisher.post("/wishes", content(picture_ids=[picture_id]), expect=201)
    assert draft["state"] == "draft"
    assert draft["actions"] == ["edit", "submit", "withdraw"]
    assert [picture["id"] for picture in draft["pictures"]] == [picture_id]
    wish_id = draft["id"]

    submitted = await people.wisher.post(f"/wishes/{wish_id}/submit")
    assert submitted["state"] == "submitted"
    await simulator.settle()
    assert (await told(people.staff))[-1] == "wish_to_review"
    queue = await people.staff.get("/staff/wishes/review", organization_id=people.community.id)
    assert [(item["wish"]["id"], item["verdict"]) for item in queue["items"]] == [(wish_id, "passed")]

    published = await people.staff.post(f"/staff/wishes/{wish_id}/publish", {"version": queue["items"][0]["version"]})
    assert published["state"] == "published"
    assert (await told(people.wisher))[-1] == "wish_published"

    wall = await people.claimer.get("/wishes")
    assert [(card["id"], card["days_left"], card["beneficiary_name"]) for card in wall["items"]] == [
        (wish_id, 10, "王**")
    ]
    assert wall["items"][0]["thumbnail_url"]

    claimed = await people.claimer.post(f"/wishes/{wish_id}/claim")
    assert (claimed["state"], claimed["actors"]) == ("claimed", ["claimer"])
    assert claimed["actions"] == ["release", "add_note", "report_done", "hand_over"], "what does something"
    assert (await told(people.wisher))[-1] == "wish_claimed"
    assert (await people.claimer.get("/wishes"))["items"] == []

    clock.move_clock(timedelta(hours=1))
    await simulator.accept(people.wisher, "wish_progress")
    proof_id = await create_picture(people.claimer)
    reported = await people.claimer.post(
        f"/wishes/{wish_id}/report", {"note": "收音机送到了", "picture_ids": [proof_id]}
    )
    assert reported["state"] == "reported"
    assert (await people.wisher.get(f"/wishes/{wish_id}"))["claim"]["note"] == "", "not before the check passed it"
    await simulator.settle()
    seen = (await people.wisher.get(f"/wishes/{wish_id}"))["claim"]
    assert (seen["note"], [picture["id"] for picture in seen["pictures"]]) == ("收音机送到了", [proof_id])

    thanks_id = await create_picture(people.wisher)
    confirmed = await people.wisher.post(
        f"/wishes/{wish_id}/confirm", {"stars": 5, "text": "太感谢了", "picture_ids": [thanks_id]}
    )
    assert (confirmed["state"], confirmed["claim"]["confirmed_as"]) == ("fulfilled", "wisher")
    assert (await told(people.claimer))[-1] == "wish_confirmed"
    assert (await people.claimer.get(f"/wishes/{wish_id}"))["claim"]["rating"]["text"] == ""
    await simulator.settle()
    thanked = (await people.claimer.get(f"/wishes/{wish_id}"))["claim"]
    assert (thanked["rating"]["stars"], thanked["rating"]["text"], len(thanked["thanks_pictures"])) == (
        5,
        "太感谢了",
        1,
    )

    record = (await people.claimer.get("/me/service-record"))["items"]
    assert [(entry["rule"], entry["points"]) for entry in record] == [("wish_fulfilled", 10)]
    assert [message["data"]["phrase2"] for message in await simulator.outbox(people.wisher)] == [
        "已发布",
        "已认领",
        "待确认",
    ]
    claims = (await people.claimer.get("/wishes/claims"))["items"]
    assert [(claim["state"], claim["wish"]["id"]) for claim in claims] == [("fulfilled", wish_id)]
    assert await fetch_value("SELECT count(*) FROM audit_entry WHERE action = 'publish_wish'") == 1
