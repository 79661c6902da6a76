"""Fulfilling a wish: progress notes, reports, hand-overs, confirmations, disputes."""

import base64
import io
from datetime import timedelta
from typing import Any

import zxingcpp
from PIL import Image

from server.foundation import clock
from server.foundation.database import execute
from server.foundation.dates import end_of, today
from server.wishes.models import WishClaim, WishNote, WishState
from server.wishes.rules import MAX_NOTES, longest_due_at
from tests.builders import told
from tests.clients import Api
from tests.simulator import Simulator
from tests.wishes.builders import (
    create_people,
    create_picture,
    points_of,
    put_picture,
    put_team,
    put_wish,
    report,
)


async def test_progress_is_told_to_the_wisher_once_it_passed(api: Api, simulator: Simulator) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.CLAIMED)
    path = f"/wishes/{wish_id}/notes"
    for who in (people.stranger, people.staff):
        await who.refused("POST", path, {"text": "x"}, code="not_allowed")
    await people.claimer.refused("POST", path, {"text": "  "}, code="invalid_fields")
    await people.claimer.refused("POST", path, {"picture_ids": ["0" * 22]}, code="picture_unusable")
    picture_id = await create_picture(people.claimer)
    wish = await people.claimer.post(path, {"text": "已经买好了", "picture_ids": [picture_id]}, expect=201)
    (note,) = wish["claim"]["progress"]
    assert (note["text"], note["author_name"], note["is_shown"]) == ("已经买好了", "热心人", False)
    assert note["pictures"][0]["thumbnail_url"]
    assert (await people.wisher.get(f"/wishes/{wish_id}"))["claim"]["progress"] == [], "not before the check passed it"
    await simulator.settle()
    (seen,) = (await people.wisher.get(f"/wishes/{wish_id}"))["claim"]["progress"]
    assert (seen["text"], len(seen["pictures"])) == ("已经买好了", 1)
    assert (await told(people.wisher))[-1] == "wish_progressed"
    assert (await people.stranger.get(f"/wishes/{wish_id}"))["claim"] is None


async def test_progress_that_fails_the_check_stays_hidden(api: Api, simulator: Simulator) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.CLAIMED)
    await people.claimer.post(f"/wishes/{wish_id}/notes", {"text": "【违规】"})
    await simulator.settle()
    assert (await people.wisher.get(f"/wishes/{wish_id}"))["claim"]["progress"] == []
    assert (await told(people.claimer))[-1] == "wish_note_refused"
    assert "wish_progressed" not in await told(people.wisher)


async def test_helpers_tell_too_and_the_next_claimer_does_not_read_it(api: Api) -> None:
    people = await create_people(api)
    team = await put_team(people.claimer, people.stranger, community=people.community)
    wish_id = await put_wish(people, WishState.CLAIMED, claim={"team_id": team.id})
    await people.stranger.post(f"/wishes/{wish_id}/notes", {"text": "我去取货"})
    assert (await people.claimer.get(f"/wishes/{wish_id}"))["claim"]["progress"][0]["author_name"] == "路人"
    await people.claimer.post(f"/wishes/{wish_id}/release", {"reason": "没时间"})
    again = await people.stranger.post(f"/wishes/{wish_id}/claim")
    assert again["claim"]["progress"] == []
    history = await people.staff.get(f"/staff/wishes/{wish_id}/claims")
    assert [note["text"] for note in history[1]["progress"]] == ["我去取货"]


async def test_notes_have_an_end(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.CLAIMED)
    claim = await WishClaim.get(wish_id=wish_id)
    await WishNote.bulk_create(
        [WishNote(claim_id=claim.id, author_id=people.claimer.person_id, text="x") for _ in range(MAX_NOTES)]
    )
    await people.claimer.refused("POST", f"/wishes/{wish_id}/notes", {"text": "x"}, code="too_many_notes")


async def test_who_tells_how_it_goes_has_some_days_more_but_not_for_ever(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.CLAIMED)
    claim = await WishClaim.get(wish_id=wish_id)
    path = f"/wishes/{wish_id}/notes"
    await people.claimer.post(path, {"text": "刚刚开始"})
    assert (await WishClaim.get(id=claim.id)).due_at == claim.due_at, "there is time enough"
    latest = longest_due_at(claim.created_at, 14)
    for days in (9, 12, 15, 18, 21, 24, 27):
        clock.move_clock(timedelta(days=days))
        await people.claimer.post(path, {"text": "还在找合适的"})
        due_at = (await WishClaim.get(id=claim.id)).due_at
        assert due_at == min(end_of(today() + timedelta(days=3)), latest)
    assert due_at == latest


async def test_a_report_needs_a_picture_of_ones_own(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.CLAIMED)
    await people.claimer.refused("POST", f"/wishes/{wish_id}/report", {"picture_ids": []}, code="invalid_fields")
    body = {"picture_ids": [await put_picture(people.stranger)]}
    await people.claimer.refused("POST", f"/wishes/{wish_id}/report", body, code="picture_unusable")
    assert (await people.wisher.get(f"/wishes/{wish_id}"))["state"] == "claimed"


async def test_a_report_that_fails_the_check_is_made_anew(api: Api, simulator: Simulator) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.CLAIMED)
    picture_id = await create_picture(people.claimer)
    path = f"/wishes/{wish_id}/report"
    await people.claimer.post(path, {"note": "【违规】", "picture_ids": [picture_id]})
    await simulator.settle()
    seen = await people.wisher.get(f"/wishes/{wish_id}")
    assert (seen["state"], seen["claim"]["note"], seen["claim"]["pictures"]) == ("claimed", "", [])
    assert (await told(people.claimer))[-1] == "wish_report_refused"
    await people.claimer.post(path, {"note": "换一段话", "picture_ids": [picture_id]})
    await simulator.settle()
    assert (await people.wisher.get(f"/wishes/{wish_id}"))["claim"]["note"] == "换一段话"


async def test_the_wishers_code_hands_it_over(api: Api, simulator: Simulator) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.CLAIMED)
    path = f"/wishes/{wish_id}"
    for who in (people.claimer, people.stranger, people.staff):
        await who.refused("GET", f"{path}/hand-over-code", code="not_found")
    code = await people.wisher.get(f"{path}/hand-over-code")
    (read,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(base64.b64decode(code["picture"]))))
    assert read.text == code["code"]
    body = {"code": code["code"], "note": "当面送到"}
    await people.stranger.refused("POST", f"{path}/hand-over", body, code="not_allowed")
    for wrong in ("x", "wish." + "0" * 22 + ".1.x", code["code"][:-1] + "x", code["code"].replace("wish.", "linli.")):
        await people.claimer.refused("POST", f"{path}/hand-over", {"code": wrong}, code="hand_over_code_invalid")
    # No picture is needed: the code is the proof.
    done = await people.claimer.post(f"{path}/hand-over", body)
    assert (done["state"], done["claim"]["handed_over_by"]) == ("reported", "code")
    assert (await told(people.wisher))[-1] == "wish_reported"
    await simulator.settle()
    assert (await people.wisher.get(path))["claim"]["note"] == "当面送到"
    await people.wisher.post(f"{path}/confirm", {"stars": 5})
    assert await points_of(people.claimer) == 10


async def test_the_code_lives_two_minutes_and_for_one_claim(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.CLAIMED)
    path = f"/wishes/{wish_id}"
    code = (await people.wisher.get(f"{path}/hand-over-code"))["code"]
    clock.move_clock(timedelta(seconds=120))
    await people.claimer.refused("POST", f"{path}/hand-over", {"code": code}, code="hand_over_code_expired")
    fresh = (await people.wisher.get(f"{path}/hand-over-code"))["code"]
    await people.claimer.post(f"{path}/release", {"reason": "没时间"})
    await people.wisher.refused("GET", f"{path}/hand-over-code", code="wrong_state")
    await people.stranger.post(f"{path}/claim")
    await people.stranger.refused("POST", f"{path}/hand-over", {"code": fresh}, code="hand_over_code_invalid")
    # The phone is a little late: what the screen showed a moment ago still works.
    code = (await people.wisher.get(f"{path}/hand-over-code"))["code"]
    clock.move_clock(timedelta(seconds=180))
    assert (await people.stranger.post(f"{path}/hand-over", {"code": code}))["state"] == "reported"


async def test_whoever_stands_in_shows_the_code(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.CLAIMED, author_id=people.stranger.person_id)
    code = await people.stranger.get(f"/wishes/{wish_id}/hand-over-code")
    await people.claimer.post(f"/wishes/{wish_id}/hand-over", {"code": code["code"]})


async def test_bad_words_do_not_undo_a_hand_over(api: Api, simulator: Simulator) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.CLAIMED)
    code = await people.wisher.get(f"/wishes/{wish_id}/hand-over-code")
    await people.claimer.post(f"/wishes/{wish_id}/hand-over", {"code": code["code"], "note": "【违规】"})
    await simulator.settle()
    seen = await people.wisher.get(f"/wishes/{wish_id}")
    assert (seen["state"], seen["claim"]["note"]) == ("reported", "")


async def test_things_may_be_left_with_the_staff(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.CLAIMED)
    path = f"/staff/wishes/{wish_id}/take-in"
    await people.staff.refused("POST", path, {"note": ""}, code="invalid_fields")
    await people.claimer.refused("POST", path, {"note": "x"}, code="not_allowed")
    taken = await people.staff.post(path, {"note": "放在服务台，下午送去"})
    assert (taken["state"], taken["claim"]["handed_over_by"]) == ("reported", "staff")
    for who in (people.wisher, people.claimer):
        assert (await told(who))[-1] == "wish_taken_in"
    assert (await people.wisher.get(f"/wishes/{wish_id}"))["claim"]["staff_note"] == "放在服务台，下午送去"
    await people.wisher.post(f"/wishes/{wish_id}/confirm", {"stars": 4})


async def test_rating_is_from_one_to_five(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.REPORTED)
    for rating in (0, 6):
        body: dict[str, Any] = {"stars": rating}
        await people.wisher.refused("POST", f"/wishes/{wish_id}/confirm", body, code="invalid_fields")
    await people.claimer.refused("POST", f"/wishes/{wish_id}/confirm", {"stars": 5}, code="not_allowed")
    await people.wisher.post(f"/wishes/{wish_id}/confirm", {"stars": 1})


async def test_thanks_that_fail_the_check_stay_hidden(api: Api, simulator: Simulator) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.REPORTED)
    await people.wisher.post(f"/wishes/{wish_id}/confirm", {"stars": 5, "text": "【违规】"})
    await simulator.settle()
    seen = await people.claimer.get(f"/wishes/{wish_id}")
    assert (seen["state"], seen["claim"]["rating"]["stars"], seen["claim"]["rating"]["text"]) == ("fulfilled", 5, "")


async def test_staff_confirm_only_after_seven_days(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.REPORTED)
    path, body = f"/staff/wishes/{wish_id}/confirm", {"note": "电话里说已收到"}
    await people.staff.refused("POST", path, body, code="too_early")
    clock.move_clock(timedelta(days=7, minutes=1))
    confirmed = await people.staff.post(path, body)
    assert confirmed["claim"]["confirmed_as"] == "staff"
    assert (confirmed["claim"]["rating"], confirmed["claim"]["staff_note"]) == (None, "电话里说已收到")
    assert "wish_confirmed_by_staff" in await told(people.wisher)
    assert await points_of(people.claimer) == 10


async def test_a_dispute_before_the_confirmation(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.REPORTED)
    await people.wisher.post(f"/wishes/{wish_id}/dispute", {"reason": "没有收到"})
    assert (await told(people.claimer))[-1] == "wish_disputed"
    assert "wish_dispute_to_decide" in await told(people.staff)
    await people.wisher.refused("POST", f"/wishes/{wish_id}/confirm", {"stars": 5}, code="wrong_state")
    await people.stranger.refused("GET", f"/wishes/{wish_id}", code="not_found")
    decided = await people.staff.post(
        f"/staff/wishes/{wish_id}/dispute/decision", {"decision": "uphold", "note": "物业签收"}
    )
    assert (decided["state"], decided["claim"]["confirmed_as"]) == ("fulfilled", "staff")
    assert await points_of(people.claimer) == 10


async def test_the_words_of_a_dispute_are_checked_before_the_claimer_reads_them(api: Api, simulator: Simulator) -> None:
    for words, shown in (("没有收到", "没有收到"), ("【违规】", "")):
        people = await create_people(api)
        wish_id = await put_wish(people, WishState.REPORTED)
        await people.wisher.post(f"/wishes/{wish_id}/dispute", {"reason": words})

        async def read(who: Api, wish_id: str = wish_id) -> str:
            return str((await who.get(f"/wishes/{wish_id}"))["claim"]["dispute_reason"])

        assert [await read(who) for who in (people.wisher, people.staff, people.claimer)] == [words, words, ""]
        await simulator.settle()
        assert [await read(who) for who in (people.wisher, people.staff, people.claimer)] == [words, words, shown]


async def test_a_dispute_afterwards_takes_the_points_back(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.FULFILLED)
    assert await points_of(people.claimer) == 10
    await people.wisher.post(f"/wishes/{wish_id}/dispute", {"reason": "收音机是坏的"})
    await people.staff.post(f"/staff/wishes/{wish_id}/dispute/decision", {"decision": "reject", "note": "确实坏了"})
    assert await points_of(people.claimer) == 0
    assert (await told(people.claimer))[-1] == "wish_dispute_decided"
    # Back on the wall; the same person may make it good, and is credited for that.
    await people.claimer.post(f"/wishes/{wish_id}/claim")
    await report(people.claimer, wish_id)
    await people.wisher.post(f"/wishes/{wish_id}/confirm", {"stars": 4})
    assert await points_of(people.claimer) == 10


async def test_a_dispute_may_end_with_another_try(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.FULFILLED)
    await people.wisher.post(f"/wishes/{wish_id}/dispute", {"reason": "收音机是坏的"})
    decided = await people.staff.post(
        f"/staff/wishes/{wish_id}/dispute/decision", {"decision": "redo", "note": "请更换"}
    )
    assert (decided["state"], decided["claim"]["state"]) == ("claimed", "open")
    assert await points_of(people.claimer) == 0
    await report(people.claimer, wish_id)
    await people.wisher.post(f"/wishes/{wish_id}/confirm", {"stars": 5})
    assert await points_of(people.claimer) == 10


async def test_disputes_end_some_day(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.FULFILLED)
    await execute("UPDATE wish_claim SET confirmed_at = confirmed_at - interval '31 days'")
    await people.wisher.refused("POST", f"/wishes/{wish_id}/dispute", {"reason": "x"}, code="wrong_state")
