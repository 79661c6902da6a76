"""What people write is checked by WeChat before others see it; doubt never passes."""

import asyncio
import io
from datetime import timedelta
from typing import Any

import pytest
from PIL import Image

from server.background.relay import MAX_ATTEMPTS, drain_outbox
from server.foundation import clock
from server.foundation.database import execute, fetch_value
from server.foundation.ids import new_id
from server.moderation.models import CheckState, Verdict
from server.moderation.overdue import HOLD_OVERDUE_CHECKS
from server.moderation.verdicts import hidden_words, record_state, refusal_reason, verdict_of, worst_of
from tests.builders import create_community, create_resident
from tests.clients import Api
from tests.media.builders import upload
from tests.moderation.builders import KIND, Notes, checks_of
from tests.simulator import Simulator

TEXT = "/wxa/msg_sec_check"
PICTURE = "/wxa/media_check_async"


async def upload_picture(who: Api) -> str:
    encoded = io.BytesIO()
    Image.new("RGB", (60, 40), "green").save(encoded, "JPEG")
    return str((await upload(who, encoded.getvalue()))["id"])


@pytest.mark.parametrize(
    ("text", "verdict"),
    [("想请人陪我散步", Verdict.PASSED), ("【复核】看一看", Verdict.HELD), ("【违规】内容", Verdict.REFUSED)],
)
async def test_the_verdict_on_a_text_reaches_the_feature_once(
    api: Api, simulator: Simulator, notes: Notes, text: str, verdict: Verdict
) -> None:
    me = await create_resident(api, await create_community())
    note = await notes.submit(me, "标题", text)
    assert await verdict_of(KIND, note) is Verdict.PENDING
    await simulator.settle()
    assert await verdict_of(KIND, note) is verdict
    assert notes.told == [(note, verdict)]
    assert bool(await refusal_reason(KIND, note)) == (verdict is Verdict.REFUSED)


async def test_words_are_hidden_until_they_have_passed(api: Api, simulator: Simulator, notes: Notes) -> None:
    me = await create_resident(api, await create_community())
    good, doubtful, bad = [await notes.submit(me, text) for text in ("有雨，改期", "【复核】", "【违规】")]
    by_staff = new_id()
    everything = {good, doubtful, bad, by_staff}
    assert await hidden_words(KIND, everything) == {good, doubtful, bad}
    await simulator.settle()
    assert await hidden_words(KIND, everything) == {doubtful, bad}
    assert await hidden_words("other", everything) == set()
    assert await hidden_words(KIND, []) == set()


async def test_a_reason_is_told_in_chinese(api: Api, simulator: Simulator, notes: Notes) -> None:
    me = await create_resident(api, await create_community())
    note = await notes.submit(me, "【广告】办卡")
    await simulator.settle()
    assert await refusal_reason(KIND, note) == "内容未通过安全检查，请修改后再提交"


async def test_a_long_text_is_checked_to_its_end(api: Api, simulator: Simulator, notes: Notes) -> None:
    me = await create_resident(api, await create_community())
    note = await notes.submit(me, "好" * 3000, "【违规】")
    await simulator.settle()
    assert await verdict_of(KIND, note) is Verdict.REFUSED
    assert await simulator.calls(TEXT) == 2


async def test_nothing_to_check_passes(api: Api, simulator: Simulator, notes: Notes) -> None:
    me = await create_resident(api, await create_community())
    note = await notes.submit(me, " ", "")
    await simulator.settle()
    assert notes.told == [(note, Verdict.PASSED)]
    assert await simulator.calls(TEXT) == 0


async def test_what_was_never_submitted_is_pending(api: Api) -> None:
    assert await verdict_of(KIND, new_id()) is Verdict.PENDING
    assert await refusal_reason(KIND, new_id()) == ""


@pytest.mark.parametrize("suggest", ["pass", "review", "risky"])
async def test_a_pictures_verdict_comes_by_push(api: Api, simulator: Simulator, notes: Notes, suggest: str) -> None:
    me = await create_resident(api, await create_community())
    picture = await upload_picture(me)
    await simulator.admin("POST", "picture-verdicts", {"suggest": suggest, "label": 20002})
    await simulator.admin("POST", "pushes", {"duplicates": 1})
    note = await notes.submit(me, "很好", picture_ids=(picture,))
    await simulator.settle()
    expected = {"pass": Verdict.PASSED, "review": Verdict.HELD, "risky": Verdict.REFUSED}[suggest]
    assert await verdict_of(KIND, note) is expected
    assert notes.told == [(note, expected)], "once for the whole, not for each part"


async def test_a_picture_that_wechat_cannot_fetch_is_held(api: Api, simulator: Simulator, notes: Notes) -> None:
    me = await create_resident(api, await create_community())
    note = await notes.submit(me, "很好", picture_ids=(new_id(),))
    await simulator.settle()
    assert await verdict_of(KIND, note) is Verdict.HELD
    assert (await checks_of(note))[1].note == "WeChat answered -1008"


async def test_a_picture_without_a_verdict_is_held_after_40_minutes(
    api: Api, simulator: Simulator, notes: Notes
) -> None:
    me = await create_resident(api, await create_community())
    await simulator.admin("POST", "pushes", {"enabled": False})
    note = await notes.submit(me, "很好", picture_ids=(await upload_picture(me),))
    await simulator.settle()
    assert await verdict_of(KIND, note) is Verdict.PENDING
    clock.move_clock(timedelta(minutes=39))
    assert await HOLD_OVERDUE_CHECKS.run() == 0
    assert await HOLD_OVERDUE_CHECKS.lag() == 0
    clock.move_clock(timedelta(minutes=41))
    assert await HOLD_OVERDUE_CHECKS.lag() > 0
    assert await HOLD_OVERDUE_CHECKS.run() == 1
    assert await HOLD_OVERDUE_CHECKS.run() == 0
    await simulator.settle()
    assert notes.told == [(note, Verdict.HELD)]


HELD_CODES = [40003, 40004, 41001, 43104, 45009, 48001, 50002, 61010, 99999]


@pytest.mark.parametrize("errcode", HELD_CODES)
@pytest.mark.parametrize("path", [TEXT, PICTURE])
async def test_what_wechat_does_not_judge_is_held(
    api: Api, simulator: Simulator, notes: Notes, path: str, errcode: int
) -> None:
    me = await create_resident(api, await create_community())
    await simulator.fault(path, errcode=errcode)
    note = await notes.submit(me, "很好", picture_ids=(await upload_picture(me),))
    await simulator.settle()
    assert notes.told == [(note, Verdict.HELD)]


async def test_an_inactive_author_is_held(api: Api, simulator: Simulator, notes: Notes) -> None:
    me = await create_resident(api, await create_community())
    await simulator.admin("POST", f"persons/openid-{me.person_id}/active", {})
    clock.move_clock(timedelta(hours=3))
    note = await notes.submit(me, "很好")
    await simulator.settle()
    assert notes.told == [(note, Verdict.HELD)]
    assert (await checks_of(note))[0].note == "UserInactive"


async def test_an_author_without_wechat_is_held(api: Api, simulator: Simulator, notes: Notes) -> None:
    me = await create_resident(api, await create_community())
    await execute("DELETE FROM wechat_identity WHERE person_id = $1", me.person_id)
    note = await notes.submit(me, "很好", picture_ids=(new_id(),))
    await simulator.settle()
    assert notes.told == [(note, Verdict.HELD)]


PASSING_CODES = [-1, 40001, 40014, 42001, 44991]
PASSING_FAULTS: list[dict[str, Any]] = [
    # The first stale token is replaced at once; one that stays stale waits.
    *({"errcode": code, "times": 2 if code in (40001, 40014, 42001) else 1} for code in PASSING_CODES),
    {"disconnect": True},
    {"garbage": True},
]


@pytest.mark.parametrize("fault", PASSING_FAULTS, ids=str)
@pytest.mark.parametrize("path", [TEXT, PICTURE])
async def test_what_passes_by_itself_is_tried_again(
    api: Api, simulator: Simulator, notes: Notes, path: str, fault: dict[str, Any]
) -> None:
    me = await create_resident(api, await create_community())
    await simulator.fault(path, **fault)
    note = await notes.submit(me, "很好", picture_ids=(await upload_picture(me),))
    await simulator.settle()
    assert await verdict_of(KIND, note) is Verdict.PENDING
    clock.move_clock(timedelta(minutes=2))
    await simulator.settle()
    assert notes.told == [(note, Verdict.PASSED)]


async def test_an_outage_ends_with_the_staff(api: Api, simulator: Simulator, notes: Notes) -> None:
    me = await create_resident(api, await create_community())
    await simulator.fault(TEXT, errcode=-1, times=-1)
    note = await notes.submit(me, "很好")
    for attempt in range(MAX_ATTEMPTS):
        clock.move_clock(timedelta(minutes=15 * attempt))
        await drain_outbox()
    assert notes.told == [(note, Verdict.HELD)]


async def test_an_edit_supersedes_the_checks_before(api: Api, simulator: Simulator, notes: Notes) -> None:
    me = await create_resident(api, await create_community())
    note = await notes.submit(me, "【违规】")
    (old,) = await checks_of(note)
    await notes.submit(me, "好的", note_id=note)
    assert not await record_state(old.id, CheckState.REFUSED), "the late verdict on the old text changes nothing"
    await simulator.settle()
    assert notes.told == [(note, Verdict.PASSED)]
    await notes.submit(me, "【违规】", note_id=note)
    assert await verdict_of(KIND, note) is Verdict.PENDING
    await simulator.settle()
    assert notes.told[1:] == [(note, Verdict.REFUSED)]
    await notes.submit(me, "【违规】还是", note_id=note)
    await simulator.settle()
    assert notes.told[2:] == [(note, Verdict.REFUSED)], "the same verdict on another revision is told again"


async def test_a_picture_that_passed_is_not_checked_twice(api: Api, simulator: Simulator, notes: Notes) -> None:
    me = await create_resident(api, await create_community())
    picture = await upload_picture(me)
    note = await notes.submit(me, "一", picture_ids=(picture,))
    await simulator.settle()
    await notes.submit(me, "二", note_id=note, picture_ids=(picture, await upload_picture(me)))
    await simulator.settle()
    assert await verdict_of(KIND, note) is Verdict.PASSED
    assert await simulator.calls(PICTURE) == 2


async def test_parts_found_at_once_give_one_verdict(api: Api, simulator: Simulator, notes: Notes) -> None:
    me = await create_resident(api, await create_community())
    note = await notes.submit(me, "很好", picture_ids=tuple(new_id() for _ in range(5)))
    found = await checks_of(note)
    await asyncio.gather(*(record_state(check.id, CheckState.PASSED) for check in found * 2))
    assert await verdict_of(KIND, note) is Verdict.PASSED
    await drain_outbox()
    assert notes.told == [(note, Verdict.PASSED)]


async def test_a_verdict_and_an_edit_at_once_do_not_deadlock(api: Api, simulator: Simulator, notes: Notes) -> None:
    me = await create_resident(api, await create_community())
    note = await notes.submit(me, "很好")
    for _ in range(5):
        (check,) = await checks_of(note)
        await asyncio.gather(
            record_state(check.id, CheckState.PASSED),
            notes.submit(me, "更好", note_id=note),
            drain_outbox(),
        )
    await simulator.settle()
    assert await verdict_of(KIND, note) is Verdict.PASSED
    assert notes.told[-1] == (note, Verdict.PASSED)
    assert await fetch_value("SELECT count(*) FROM content_check WHERE state = 'pending'") == 0


def test_the_worst_part_decides() -> None:
    passed, held, pending, refused = (CheckState(name) for name in ("passed", "held", "pending", "refused"))
    assert worst_of([passed, passed]) is Verdict.PASSED
    assert worst_of([passed, held]) is Verdict.HELD
    assert worst_of([pending, held]) is Verdict.PENDING
    assert worst_of([pending, refused, held]) is Verdict.REFUSED
