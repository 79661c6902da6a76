"""No message says a place twice, where the names of things have it in them."""

import re
from datetime import timedelta
from typing import Any

import pytest

from server.foundation import clock
from server.foundation.database import fetch_value
from server.foundation.ids import new_id
from server.neighbor_center.venues.models import ServiceKind
from server.notifications.events import EVENTS, Event
from server.notifications.rendering import Described, Told, describe_subjects, render_fields, render_words
from server.volunteering.models import Shift
from tests.builders import create_community, create_resident, create_staff
from tests.check_in.builders import create_checked_in, create_post
from tests.clients import Api
from tests.neighbor_center.builders import at, book, create_room, create_service, create_venue, set_clock
from tests.volunteering.builders import People, publish, shift, sign_up

PLACE = "望海社区"
QUOTED = re.compile("“[^”]*”")
TWICE = re.compile(r"([\u4e00-\u9fff]{3,})[（“：，、 ]{0,2}\1")

ELSEWHERE: dict[str, dict[str, str]] = {
    "check_in": {"community": PLACE, "reason": "地址有误"},
    "unit_check_in": {
        "unit": "威海市教育局",
        "area": PLACE,
        "reason": "人手不足",
        "dates": "2031年3月3日起",
    },
    "organization": {"name": PLACE, "full_name": f"威海市环翠区竹岛街道{PLACE}", "title": PLACE},
    "unit": {"name": "威海市教育局", "full_name": "威海市教育局"},
    "closed": {"name": "古寨社区", "full_name": "威海市环翠区竹岛街道古寨社区"},
    "party_organization": {"name": f"中共{PLACE}总支部委员会"},
    "half_year_report": {"community": PLACE, "period": "2031年上半年"},
    "membership": {"name": "王*"},
    "person": {"nickname": "小海", "name": "王*"},
    "team": {"name": f"{PLACE}红马甲"},
    "wish": {"title": f"想为{PLACE}广场添一张长椅", "wished_by": "2031年4月1日", "reason": "请写清尺寸"},
    "hours": {"title": f"{PLACE}广场清洁日", "minutes": "2 小时", "decision": "没有记录", "reason": "提前离开"},
    "appeal": {"title": f"{PLACE}广场清洁日", "decision": "情况属实"},
    "complaint": {"venue": f"{PLACE}邻里中心", "answer": "已安排专人接待"},
    "duty": {"venue": f"{PLACE}邻里中心", "from_day": "3月3日", "hours": "09:00–11:00"},
    "grid_case": {"title": f"路灯不亮（{PLACE}南门）", "outcome": "已解决"},
    "list_claim": {"claimant": "威海市教育局", "title": f"{PLACE}急救培训", "amount": "2 场", "reason": "时间不合适"},
    "list_entry": {"kind": "需求", "title": f"{PLACE}急救培训", "reason": "请写清时间"},
    "joint_meeting": {"title": f"{PLACE}联席会议", "reason": "台风"},
    "meeting_resolution": {"title": "加装路灯", "due": "2031年5月20日"},
    "figure_warning": {"organization": PLACE, "title": "心愿长期无人认领", "reason": "连续 14 天有 3 个心愿无人认领"},
    "assessment": {"title": f"{PLACE} 2031年"},
    "announcement": {"title": f"{PLACE}停水通知", "organization": PLACE, "summary": "明天上午检修管道。"},
}
"""Kind, or fact, → the words of what has a single place to tell."""


async def create_things(api: Api) -> dict[str, str]:
    """Kind → id of a thing whose name has its place in it."""
    set_clock("09:30")
    community = await create_community(name=PLACE)
    staff, me = await create_staff(api, community), await create_resident(api, community)
    venue = await create_venue(community, name=f"{PLACE}邻里中心", address=f"新威路 8 号{PLACE}邻里中心")
    service = await create_service(
        venue=venue, name=f"{PLACE}邻里中心理发", max_repeats=4, max_open_per_person=9, max_per_day=9
    )
    room = await create_room(community, venue=venue, name=f"{PLACE}邻里中心议事厅")
    counter = await create_service(venue=venue, kind=ServiceKind.COUNTER, name=f"{PLACE}邻里中心一窗通办")
    booking = await book(me, service, "10:00")
    span = {"starts_at": at("15:00"), "ends_at": at("16:00")}
    room_booking = await me.post(f"/services/{room.id}/room-bookings", span, expect=201)
    series = await me.post(f"/services/{service.id}/booking-series", {"starts_at": at("11:00"), "times": 2}, expect=201)
    ticket = await me.post(f"/services/{counter.id}/tickets", expect=201)
    words = {"title": f"{PLACE}广场清洁日", "place_name": f"{PLACE}广场", "meeting_point": f"{PLACE}广场喷泉"}
    activity = await publish(staff, community.id, shift(timedelta(days=3)), words=words)
    shift_id = (await Shift.get(activity_id=activity["id"])).id
    people = People(community, staff, me, me, me)
    signed_up = await sign_up(people.first, shift_id)
    member = await create_checked_in(api, staff, community)
    post = await create_post(staff, community, title=f"{PLACE}楼道长")
    holding = await member.post(f"/posts/{post}/apply", expect=201)
    return {
        "slot": await fetch_value("SELECT slot_id FROM booking WHERE id = $1", booking["id"]),
        "booking": booking["id"],
        "room_booking": room_booking["id"],
        "booking_series": series["id"],
        "ticket": ticket["id"],
        "activity": activity["id"],
        "shift": shift_id,
        "sign_up": signed_up["sign_up"]["id"],
        "post": post,
        "holding": holding["id"],
    }


def facts_of(event: Event, ids: dict[str, str]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for fact in event.fact_names():
        kind = event.kinds.get(fact, fact)
        if fact in event.subject_names():
            facts[fact] = ids.get(fact) or ids[kind]
        elif fact in ("at", "due", "until", "was"):
            facts[fact] = {"time": clock.now().isoformat()}
        else:
            facts[fact] = 3 if fact in event.said else next(iter(event.words.get(fact, {"1": ""})))
    return facts


@pytest.fixture
async def rendered(api: Api) -> dict[str, tuple[str, ...]]:
    """Event → everything that it says, of real things and of those above."""
    ids = await create_things(api)
    made = {name: new_id() for name in ELSEWHERE}
    described: Described = {}
    for name, words in ELSEWHERE.items():
        kind = "organization" if name in ("unit", "closed") else name
        described[kind, made[name]] = {"id": made[name], "unit_id": made["unit"], **words}
    told = [Told(event.name, facts_of(event, made | ids)) for event in EVENTS.values()]
    described |= await describe_subjects(told)
    return {
        one.event: (render_words(one, described).title, render_words(one, described).text, *fields)
        for one in told
        for fields in [render_fields(one, described).values()]
    }


async def test_no_place_is_said_twice(rendered: dict[str, tuple[str, ...]]) -> None:
    assert len(rendered) > 120
    assert sum(PLACE in text for texts in rendered.values() for text in texts) > 100
    for name, texts in rendered.items():
        for text in texts:
            assert "已删除" not in text, (name, text)
            assert not TWICE.search(text), (name, text)
            assert QUOTED.sub("", text).count(PLACE) <= 1, (name, text)


async def test_what_is_said_instead(rendered: dict[str, tuple[str, ...]]) -> None:
    assert "您已预约“理发”：" in rendered["slot_booked"][1]
    assert f"，新威路 8 号{PLACE}邻里中心。" in rendered["slot_booked"][1]
    assert f"以新的地点为准：{PLACE}广场喷泉。" in rendered["activity_place_changed"][1]
    assert rendered["post_approved"][1] == f"您已成为{PLACE}“楼道长”，感谢您的担当。"
