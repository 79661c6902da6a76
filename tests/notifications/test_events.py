"""What people are told of, and words made from it."""

import ast
import re
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import pytest
from msgspec.structs import replace

from server.foundation import clock
from server.foundation.ids import new_id
from server.notifications.events import EVENTS, MOMENTS, AskMoment, Event, Topic, events_in
from server.notifications.rendering import (
    GONE,
    SUBJECTS,
    Described,
    Told,
    describe_subjects,
    render_fields,
    render_words,
)
from server.notifications.telling import _storable
from server.wechat.message_fields import clean_field
from server.wechat.templates import BY_NAME
from tests.notifications.builders import Things

SERVER = Path(__file__).parents[2] / "server"


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_every_event_fits_its_template_and_its_facts(name: str) -> None:
    event = EVENTS[name]
    assert bool(event.template) == bool(event.fields), "fields go with a template"
    assert (event.topic in set(Topic)) == bool(event.template), "what goes to WeChat can be turned off"
    if event.template:
        assert set(event.fields) == set(BY_NAME[event.template].fields)
    for key, text in event.fields.items():
        if "{" not in text:
            assert clean_field(key, text) == text, "a fixed text is sent whole"
    assert not event.page.startswith("/")
    assert set(event.kinds) | set(event.words) <= event.fact_names()
    for fact in event.subject_names():
        assert event.kinds.get(fact, fact) in SUBJECTS, f"nobody describes {fact}"


@pytest.mark.parametrize("name", sorted(EVENTS))
async def test_no_event_fails_on_things_that_are_gone(name: str) -> None:
    facts = {fact: new_id() if fact in EVENTS[name].subject_names() else "1" for fact in EVENTS[name].fact_names()}
    words = render_words(Told(name, facts), {})
    assert words.title
    assert words.text
    assert "{" not in words.text


def test_every_event_is_told_somewhere() -> None:
    told: set[str] = set()
    for tree in _server_files():
        modules = {
            alias.asname or alias.name: f"{node.module}.{alias.name}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
            if alias.name == "messages"
        }
        # What is only asked for its template (`messages.X.template`) is not told by that.
        asked = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and id(node) not in asked:
                event = getattr(sys.modules.get(modules.get(node.value.id, "")), node.attr, None)
                told |= {event.name} if isinstance(event, Event) else set()
    assert told == set(EVENTS)


def test_no_event_is_told_by_its_name() -> None:
    for tree in _server_files():
        for call in ast.walk(tree):
            if (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Name)
                and re.search("notify|tell", call.func.id)
            ):
                texts = {argument.value for argument in call.args if isinstance(argument, ast.Constant)}
                assert not texts & EVENTS.keys(), ast.unparse(call)


def _server_files() -> Iterator[ast.Module]:
    for path in sorted(SERVER.rglob("*.py")):
        if path.name != "messages.py":
            yield ast.parse(path.read_text())


def test_two_events_of_one_name_are_refused() -> None:
    event = Event(name="twice", title="两次", text="两次")
    module = ModuleType("messages")
    vars(module).update(FIRST=event, SECOND=replace(event, title="又一次"))
    with pytest.raises(ValueError, match="twice"):
        events_in(module)


def test_moments_name_templates() -> None:
    assert {template for templates in MOMENTS.values() for template in templates} <= set(BY_NAME)
    assert set(MOMENTS) == set(AskMoment)


def test_every_template_is_asked_for_at_some_tap() -> None:
    assert {template for templates in MOMENTS.values() for template in templates} == set(BY_NAME)


def test_a_reason_that_is_a_sentence_ends_ours() -> None:
    check_in = new_id()
    for reason, text in (("有误。", "：有误。请"), ("有误！", "：有误！请"), ("有误", "：有误。请")):
        described: Described = {("check_in", check_in): {"community": "幸福社区", "reason": reason}}
        told = Told("check_in_returned", {"check_in": check_in, "at": _storable("at", clock.now())})
        assert text in render_words(told, described).text


@pytest.mark.parametrize("name", [name for name, event in EVENTS.items() if event.gone])
def test_what_is_gone_may_say_so_in_its_own_words(name: str) -> None:
    event = EVENTS[name]
    assert event.page
    assert event.gone
    told = Told(name, {fact: new_id() for fact in event.subject_names()})
    assert render_words(told, {}) == (*event.gone, "")


async def test_words_are_made_from_subjects_times_and_codes(app: object, things: Things) -> None:
    thing = things.add("修灯")
    moment = clock.now().replace(month=3, day=5, hour=1, minute=30)
    facts = {"thing": thing, "doer": new_id(), "at": _storable("at", moment), "reason": "idle"}
    told = Told("thing_changed", facts)
    words = render_words(told, {("thing", thing): {"id": thing, "title": "修灯"}})
    assert words.title == "修灯有变化"
    assert words.text == f"{GONE}在3月5日 09:30更新了“修灯”（长期没有进展）"
    assert words.page == f"pages/thing/thing?id={thing}"
    fields = render_fields(told, await describe_subjects([told]))
    assert fields["time3"] == f"{moment.year}年3月5日 09:30"
    assert fields["thing4"] == "长期没有进展"


async def test_another_years_time_names_the_year(app: object, things: Things) -> None:
    moment = clock.now() - timedelta(days=800)
    facts = {"thing": new_id(), "doer": new_id(), "at": _storable("at", moment), "reason": "3"}
    words = render_words(Told("thing_changed", facts), {})
    assert f"{clock.shanghai(moment).year}年" in words.text
    assert words.page == "", "a thing that is gone has no page"


def test_an_event_that_was_removed_still_reads() -> None:
    assert render_words(Told("removed_long_ago", {"wish": new_id()}), {}).title == "通知"
