"""What people read: their inbox, and which accepts are worth asking them for."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import asyncpg
import msgspec

from server.foundation import clock
from server.foundation.database import fetch, fetch_value
from server.foundation.ids import Id
from server.foundation.pages import PageQuery, fetch_page
from server.notifications.events import EVENTS, MOMENTS, AskMoment
from server.notifications.models import NO_ACCEPT_NOTES
from server.notifications.preferences import wanted_by
from server.notifications.rendering import Told, describe_subjects, render_words
from server.wechat.connection import template_ids
from server.wechat.templates import BY_NAME

ASK_AT_ONCE = 3
"""Templates that wx.requestSubscribeMessage takes in every version of WeChat."""
ENOUGH = 5
"""Accepts in hand from which on asking for more only annoys."""
ASK_BANNED_AGAIN = timedelta(days=30)
MISSED_LATELY = timedelta(days=30)


class InboxMessageView(msgspec.Struct):
    """One message in words. `page` is what it opens in the mini-program; empty when there is nothing to open."""

    id: Id
    event: str
    title: str
    text: str
    page: str
    created_at: datetime
    read_at: datetime | None


class InboxView(msgspec.Struct):
    """A page of messages, newest first, and how many of all are unread."""

    items: list[InboxMessageView]
    next_cursor: str | None
    unread: int


class InboxState(msgspec.Struct):
    """What an open client is told when its inbox changes: how many messages are unread, and the newest one if it is
    new."""

    unread: int
    newest: InboxMessageView | None


class TemplateView(msgspec.Struct):
    """A template for wx.requestSubscribeMessage, and how many accepts of it are in hand."""

    template: str
    template_id: str
    title: str
    accepts: int


class TemplatesToAskView(msgspec.Struct):
    """At most three, most useful first; none when nothing needs asking for."""

    items: list[TemplateView]


class AcceptsView(msgspec.Struct):
    """Every template, and how many more of its messages the person has let us send."""

    items: list[TemplateView]


async def list_inbox(person_id: str, page: PageQuery, *, unread_only: bool = False) -> InboxView:
    """The person's messages, newest first. Raises InvalidFields for a cursor that is none."""
    unread = "AND read_at IS NULL" if unread_only else ""
    rows = await fetch_page(
        "SELECT id, event, facts, created_at, read_at FROM inbox_message WHERE person_id = $1 AND NOT hidden "
        f"{unread} AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3",
        person_id,
        page=page,
    )
    return InboxView(await _in_words(rows.items), rows.next_cursor, await count_unread(person_id))


async def inbox_state(person_id: str, newest_seen: str | None) -> InboxState:
    """How many messages are unread, and the newest one where it is not the one that was seen already."""
    # In one statement, so that both are of one moment.
    rows = await fetch(
        "SELECT id, event, facts, created_at, read_at, (SELECT count(*) FROM inbox_message u "
        "WHERE u.person_id = $1 AND u.read_at IS NULL AND NOT u.hidden) AS unread "
        "FROM inbox_message WHERE person_id = $1 AND NOT hidden ORDER BY id DESC LIMIT 1",
        person_id,
    )
    if not rows:
        return InboxState(0, None)
    is_new = rows[0]["id"] != newest_seen
    return InboxState(rows[0]["unread"], (await _in_words(rows))[0] if is_new else None)


async def count_unread(person_id: str) -> int:
    count: int = await fetch_value(
        "SELECT count(*) FROM inbox_message WHERE person_id = $1 AND read_at IS NULL AND NOT hidden", person_id
    )
    return count


async def list_accepts(person_id: str) -> AcceptsView:
    """How many accepts of each template are in hand."""
    rows = await fetch("SELECT template, balance FROM grant_balance WHERE person_id = $1", person_id)
    accepts = {row["template"]: row["balance"] for row in rows}
    return AcceptsView([_view(name, accepts) for name in BY_NAME])


async def list_templates_to_ask(person_id: str, moment: AskMoment) -> TemplatesToAskView:
    """The templates that the client should ask for at this tap, most useful first: those with the fewest accepts in
    hand, of these the ones for want of which most messages were not sent lately, then in the order of MOMENTS.

    Not those with enough, nor those that WeChat has banned, nor those for which the person has turned everything off.
    """
    rows = await fetch(
        "SELECT template, balance, answer, answered_at FROM grant_balance WHERE person_id = $1", person_id
    )
    accepts = {row["template"]: row["balance"] for row in rows}
    banned = {
        row["template"]
        for row in rows
        if row["answer"] == "ban" and row["answered_at"] > clock.now() - ASK_BANNED_AGAIN
    }
    muted = (await wanted_by(person_id)).muted
    missed = await _count_missed(person_id)
    wanted = [
        name
        for name in MOMENTS[moment]
        if name not in banned and accepts.get(name, 0) < ENOUGH and not _topics_of(name) <= muted
    ]
    wanted.sort(key=lambda name: (accepts.get(name, 0), -missed[name]))
    return TemplatesToAskView([_view(name, accepts) for name in wanted[:ASK_AT_ONCE]])


def _view(name: str, accepts: Mapping[str, int]) -> TemplateView:
    return TemplateView(name, template_ids()[name], BY_NAME[name].title, accepts.get(name, 0))


async def _in_words(rows: Sequence[asyncpg.Record]) -> list[InboxMessageView]:
    told = [Told(row["event"], msgspec.json.decode(row["facts"])) for row in rows]
    described = await describe_subjects(told)
    views = []
    for row, one in zip(rows, told, strict=True):
        words = render_words(one, described)
        views.append(
            InboxMessageView(
                row["id"], row["event"], words.title, words.text, words.page, row["created_at"], row["read_at"]
            )
        )
    return views


async def _count_missed(person_id: str) -> Counter[str]:
    """Template → how many messages lately stayed in the inbox for want of an accept."""
    rows = await fetch(
        "SELECT event, count(*) AS count FROM inbox_message WHERE person_id = $1 AND created_at > $2 "
        "AND delivery = 'inbox_only' AND delivery_note = ANY($3) GROUP BY event",
        person_id,
        clock.now() - MISSED_LATELY,
        list(NO_ACCEPT_NOTES),
    )
    missed: Counter[str] = Counter()
    for row in rows:
        if event := EVENTS.get(row["event"]):
            missed[event.template] += row["count"]
    return missed


def _topics_of(template: str) -> set[str]:
    return {event.topic for event in EVENTS.values() if event.template == template}
