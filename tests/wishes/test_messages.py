"""What people are told: every event of the wishes, and of the teams, reads as a sentence and fits its template."""

from typing import Any

from server.foundation import clock
from server.notifications.events import events_in
from server.notifications.rendering import GONE, Told, describe_subjects, render_fields, render_words
from server.notifications.telling import notify
from server.teams import messages as team_messages
from server.wechat.templates import fill_template
from server.wishes import messages
from server.wishes.models import WishState
from tests.clients import Api
from tests.wishes.builders import create_people, put_team, put_unit, put_wish

OURS = events_in(messages, team_messages).values()


async def test_every_event_reads_well(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.RETURNED, reason="请写明尺寸")
    now = clock.now()
    claimer_id = people.claimer.person_id
    facts = {
        "wish": wish_id,
        "claimer": claimer_id,
        "person": claimer_id,
        "team": (await put_team(people.claimer, community=people.community)).id,
        "unit": (await put_unit(people.community)).id,
        "rating": 5,
        "left": 3,
        "at": now,
        "due": now,
    }
    for event in OURS:
        codes = [
            {name: code for name, words in event.words.items() for code in [list(words)[number % len(words)]]}
            for number in range(max([len(words) for words in event.words.values()], default=1))
        ]
        for code in codes:
            given: dict[str, Any] = {
                name: value for name, value in (facts | code).items() if name in event.fact_names()
            }
            await notify(people.wisher.person_id, event, **given)
            message = (await people.wisher.get("/me/inbox", limit=1))["items"][0]
            assert message["event"] == event.name
            for text in (message["title"], message["text"], message["page"]):
                assert not any(sign in text for sign in (GONE, "{")), event.name
            stored = {name: {"time": value.isoformat()} if value is now else value for name, value in given.items()}
            told = Told(event.name, stored)
            described = await describe_subjects([told])
            assert render_words(told, described).text == message["text"]
            if event.template:
                filled = fill_template(event.template, render_fields(told, described))
                assert GONE not in str(filled), event.name
