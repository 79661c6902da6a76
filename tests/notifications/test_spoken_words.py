"""Every event, rendered with the numbers that are hard to say, reads as people say it."""

import re
from datetime import timedelta

import pytest

from server.foundation import clock
from server.foundation.dates import end_of, render_short_date, today
from server.notifications.events import EVENTS
from server.notifications.rendering import Described, Told, render_fields, render_words
from tests.clients import Api

LONG_MINUTES = re.compile(r"(?:[6-9][0-9]|[0-9]{3,}) ?分钟")
NO_DAYS = re.compile(r"(?<![0-9])0 ?天")
NUMBERS = (0, 59, 60, 90, 120, 1439)


@pytest.mark.parametrize("number", NUMBERS)
def test_every_event_reads_as_people_say_it(api: Api, number: int) -> None:
    assert len(EVENTS) > 100
    for event in EVENTS.values():
        told = Told(event.name, dict.fromkeys(event.said, number))
        words = render_words(told, {})
        for text in (words.title, words.text, *render_fields(told, {}).values()):
            assert not LONG_MINUTES.search(text), (event.name, text)
            assert not NO_DAYS.search(text), (event.name, text)
            assert "。。" not in text
            assert "{" not in text, (event.name, text)
        # What ends with other people's words ends as they do.
        assert event.text.endswith(("。", "！", "？", "…", "[summary]}", "[documents]}")), (event.name, event.text)


def test_numbers_are_said(api: Api) -> None:
    for name, facts, said in (
        ("hours_credited", {"minutes": 120}, "服务时长 2 小时已确认"),
        ("hours_credited", {"minutes": 90}, "服务时长 1 小时 30 分钟已确认"),
        ("service_noted", {"minutes": 60}, "共 1 小时，"),
        ("wish_unclaimed", {"left": 0}, "，今天到期，"),
        ("wish_unclaimed", {"left": 3}, "，还剩 3 天，"),
    ):
        assert said in render_words(Told(name, facts), {}).text


def test_a_deadline_is_told_by_its_day(api: Api) -> None:
    def text(moment: object) -> str:
        return render_words(Told("wish_claimed", {"due": {"time": str(moment)}}), {}).text

    day = today()
    assert f"{render_short_date(day)} 24:00前" in text(end_of(day).isoformat())
    noon = clock.shanghai(end_of(day) - timedelta(hours=12))
    assert f"{render_short_date(day)} 12:00前" in text(noon.isoformat())


@pytest.mark.parametrize(("years", "year"), [(0, ""), (1, "{}年")])
def test_times_beside_one_another_have_one_form(api: Api, years: int, year: str) -> None:
    moment = clock.shanghai(clock.now())
    was, now = [moment.replace(year=moment.year + years, month=6, day=day, hour=9, minute=30) for day in (4, 5)]
    told = Told("slot_moved", {"slot": "03558mLe8kIObCJRDv4aUI", "was": {"time": was.isoformat()}})
    described: Described = {
        ("slot", "03558mLe8kIObCJRDv4aUI"): {"service": "家庭医生", "venue": "阳光邻里中心", "time": now}
    }
    said = year.format(now.year)
    assert f"由{said}6月4日 09:30改到{said}6月5日 09:30，" in render_words(told, described).text
    assert render_fields(told, described)["time2"] == f"{now.year}年6月5日 09:30", "WeChat wants the year"


def test_a_message_of_before_says_nothing_of_whose_it_is(api: Api) -> None:
    """Its facts lack who it is of; "（已删除）" would not be true."""
    told = Told("sign_up_cancelled", {"shift": "03558mLe8kIObCJRDv4aUI"})
    moment = clock.now()
    shown: Described = {("shift", "03558mLe8kIObCJRDv4aUI"): {"title": "清洁家园", "time": moment, "activity_id": "a"}}
    said = f"您已取消“清洁家园”（{render_short_date(moment)} {clock.shanghai(moment):%H:%M}）的报名。"
    assert render_words(told, shown).text == said
