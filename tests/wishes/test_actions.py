"""What one could do with a wish is told before the tap, and comes true: in every state, for everybody."""

from datetime import timedelta
from typing import Any

import pytest

from server.foundation import clock
from server.foundation.dates import today
from server.moderation.models import Verdict
from server.wishes.models import HOLDING, WishClaim, WishNote, WishState
from server.wishes.rules import MAX_NOTES
from tests.actions import Tries, try_actions
from tests.builders import create_resident, told
from tests.clients import Api
from tests.wishes.builders import (
    Cast,
    content,
    create_cast,
    create_people,
    put_picture,
    put_team_wish,
    put_verdict,
    put_wish,
)

REASON = {"reason": "原因"}
NOT_TO_CLAIM = frozenset({"own_wish", "wish_taken"})
WISHERS = {
    WishState.DRAFT: "edit submit withdraw",
    WishState.SUBMITTED: "edit withdraw",
    WishState.RETURNED: "edit submit withdraw",
    WishState.REFUSED: "",
    WishState.PUBLISHED: "claim:own_wish edit withdraw",
    WishState.CLAIMED: "edit withdraw",
    WishState.AMENDED: "edit withdraw",
    WishState.REPORTED: "confirm dispute",
    WishState.DISPUTED: "",
    WishState.FULFILLED: "dispute agree_to_show",
    WishState.WITHDRAWN: "",
    WishState.EXPIRED: "renew",
}
CLAIMERS = {
    WishState.PUBLISHED: "claim",
    WishState.CLAIMED: "release end_share add_note report_done hand_over",
    WishState.AMENDED: "release end_share add_note",
    WishState.FULFILLED: "agree_to_show",
}
HELPERS = {
    WishState.PUBLISHED: "claim",
    WishState.CLAIMED: "take_share end_share add_note",
    WishState.AMENDED: "end_share add_note",
}
STAFFS = {
    WishState.SUBMITTED: "publish return refuse",
    WishState.PUBLISHED: "claim return refuse assign",
    WishState.CLAIMED: "return refuse take_back assign take_in",
    WishState.AMENDED: "publish return refuse take_back",
    WishState.REPORTED: "confirm_for_wisher",
    WishState.DISPUTED: "uphold_report reject_report let_redo",
}
HIDDEN = "hidden"
"""That it exists is not told."""


def tries(wish: str, cast: Cast, picture: str, code: str, stranger: Api) -> Tries:
    staff, helper = f"/staff/wishes/{wish}", cast.helper.person_id
    decision = {"note": "核实"}
    return {
        "edit": ("PUT", "", content(version=1)),
        "submit": ("POST", "submit", None),
        "withdraw": ("POST", "withdraw", None),
        "renew": ("POST", "renew", {"wished_by": str(today() + timedelta(days=20))}),
        "publish": ("POST", f"{staff}/publish", {"version": 1}),
        "return": ("POST", f"{staff}/return", REASON),
        "refuse": ("POST", f"{staff}/refuse", REASON),
        "claim": ("POST", "claim", {}),
        "release": ("POST", "release", REASON),
        "take_back": ("POST", f"{staff}/take-back", REASON),
        "assign": ("POST", f"{staff}/assign", {"claimer_id": stranger.person_id} | REASON),
        "take_share": ("PUT", "share", {"quantity": 1}),
        "end_share": ("DELETE", f"shares/{helper}", None),
        "add_note": ("POST", "notes", {"text": "进展"}),
        "report_done": ("POST", "report", {"picture_ids": [picture]}),
        "hand_over": ("POST", "hand-over", {"code": code}),
        "take_in": ("POST", f"{staff}/take-in", decision),
        "confirm": ("POST", "confirm", {"stars": 4}),
        "confirm_for_wisher": ("POST", f"{staff}/confirm", decision),
        "dispute": ("POST", "dispute", REASON),
        "uphold_report": ("POST", f"{staff}/dispute/decision", decision | {"decision": "uphold"}),
        "reject_report": ("POST", f"{staff}/dispute/decision", decision | {"decision": "reject"}),
        "let_redo": ("POST", f"{staff}/dispute/decision", decision | {"decision": "redo"}),
        "agree_to_show": ("PUT", "showing", {"agrees": True}),
    }


@pytest.mark.parametrize("state", WishState)
async def test_in_every_state(api: Api, state: WishState) -> None:
    cast = await create_cast(api)
    people = cast.people
    wish = await put_team_wish(cast, state)
    await WishClaim.filter(wish_id=wish).update(reported_at=clock.now() - timedelta(days=8))
    another = await put_wish(people, WishState.CLAIMED)
    code = (await people.wisher.get(f"/wishes/{another}/hand-over-code"))["code"]
    if state is WishState.CLAIMED:
        code = (await people.wisher.get(f"/wishes/{wish}/hand-over-code"))["code"]
    for who, expected in (
        (people.wisher, WISHERS[state]),
        (people.claimer, CLAIMERS.get(state, "")),
        (cast.helper, HELPERS.get(state, "")),
        (people.staff, STAFFS.get(state, "")),
        (people.stranger, "claim" if state is WishState.PUBLISHED else ""),
    ):
        if (await who.send("GET", f"/wishes/{wish}")).status_code == 404:
            assert not expected
            await who.refused("GET", f"/wishes/{wish}/actions", code="not_found")
            continue
        asked = tries(wish, cast, await put_picture(who), code, people.stranger)
        assert await try_actions(who, f"/wishes/{wish}", asked, besides=NOT_TO_CLAIM) == expected
    assert await told(people.wisher) == []


async def test_a_sole_claimer_has_nothing_to_share(api: Api) -> None:
    people = await create_people(api)
    wish = await put_wish(people, WishState.CLAIMED)
    told_now = {each["action"] for each in await people.claimer.get(f"/wishes/{wish}/actions")}
    assert told_now == {"release", "add_note", "report_done", "hand_over"}


async def test_the_limits_are_told(api: Api) -> None:
    cast = await create_cast(api)
    people = cast.people
    wish = await put_team_wish(cast, WishState.CLAIMED, quantity=1)
    holder = await WishClaim.get(wish_id=wish, state__in=HOLDING)
    await WishNote.bulk_create(
        [WishNote(claim_id=holder.id, author_id=people.claimer.person_id, text="进展") for _ in range(MAX_NOTES)]
    )

    async def words_of(who: Api, wish: str, action: str) -> tuple[str, str]:
        found: list[Any] = await who.get(f"/wishes/{wish}/actions")
        (one,) = [each for each in found if each["action"] == action]
        return one["why"], one["words"]

    assert await words_of(people.claimer, wish, "add_note") == ("too_many_notes", "每次认领最多记录 20 条进展")
    reported = await put_wish(people, WishState.REPORTED)
    why, words = await words_of(people.staff, reported, "confirm_for_wisher")
    assert (why, words) == ("too_early", "许愿人 7 天未回应后才能代为确认")
    unchecked = await put_wish(people, WishState.SUBMITTED)
    await put_verdict("wish", unchecked, people, Verdict.HELD)
    assert await words_of(people.staff, unchecked, "publish") == (
        "wish_not_checked",
        "内容需先由工作人员在内容审核中处理",
    )
    late = await put_wish(people, WishState.FULFILLED, claim={"confirmed_at": clock.now() - timedelta(days=31)})
    assert await words_of(people.wisher, late, "dispute") == ("wrong_state", "确认已超过 30 天，请联系社区")
    newcomer = await create_resident(api, people.community)
    on_wall = await put_wish(people, WishState.PUBLISHED)
    assert (await words_of(newcomer, on_wall, "claim"))[0] == "volunteer_needed"
