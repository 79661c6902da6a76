"""What people read: their inbox, and which accepts are worth asking them for."""

from datetime import datetime, timedelta

import msgspec

from server import clock
from server.database import fetch, fetch_value
from server.errors import InvalidFields
from server.ids import Id
from server.notifications.events import MOMENTS
from server.notifications.rendering import Told, describe_subjects, render_words
from server.pages import cut_page, decode_cursor
from server.wechat.connection import template_ids
from server.wechat.templates import BY_NAME

ASK_AT_ONCE = 3
"""Templates that wx.requestSubscribeMessage takes in every version of WeChat."""
ENOUGH = 5
"""Accepts in hand from which on asking for more only annoys."""
ASK_BANNED_AGAIN = timedelta(days=30)


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


class TemplateView(msgspec.Struct):
    """A template for wx.requestSubscribeMessage, and how many accepts of it are in hand."""

    template: str
    template_id: str
    title: str
    accepts: int


class TemplatesToAskView(msgspec.Struct):
    """At most three, most useful first; none when nothing needs asking for."""

    items: list[TemplateView]


async def list_inbox(person_id: str, cursor: str | None, limit: int) -> InboxView:
    """The person's messages, newest first. Raises InvalidFields for a cursor that is none."""
    (before,) = decode_cursor(cursor, tuple[Id]) if cursor else (None,)
    rows = await fetch(
        "SELECT id, event, facts, created_at, read_at FROM inbox_message WHERE person_id = $1 "
        "AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3",
        person_id,
        before,
        limit + 1,
    )
    page = cut_page(rows, limit, lambda row: (row["id"],))
    told = [Told(row["event"], msgspec.json.decode(row["facts"])) for row in page.items]
    described = await describe_subjects(told)
    items = []
    for row, one in zip(page.items, told, strict=True):
        words = render_words(one, described)
        items.append(
            InboxMessageView(
                row["id"], row["event"], words.title, words.text, words.page, row["created_at"], row["read_at"]
            )
        )
    return InboxView(items, page.next_cursor, await count_unread(person_id))


async def count_unread(person_id: str) -> int:
    count: int = await fetch_value(
        "SELECT count(*) FROM inbox_message WHERE person_id = $1 AND read_at IS NULL", person_id
    )
    return count


async def list_templates_to_ask(person_id: str, moment: str) -> TemplatesToAskView:
    """The templates that the client should ask for at this tap: those with the fewest accepts in hand first, then in
    the order of MOMENTS; not those with enough, nor those that WeChat has banned. Raises InvalidFields."""
    if moment not in MOMENTS:
        raise InvalidFields.of("moment", "不认识的时机")
    rows = await fetch(
        "SELECT template, balance, answer, answered_at FROM grant_balance WHERE person_id = $1", person_id
    )
    accepts = {row["template"]: row["balance"] for row in rows}
    banned = {
        row["template"]
        for row in rows
        if row["answer"] == "ban" and row["answered_at"] > clock.now() - ASK_BANNED_AGAIN
    }
    wanted = [name for name in MOMENTS[moment] if name not in banned and accepts.get(name, 0) < ENOUGH]
    wanted.sort(key=lambda name: accepts.get(name, 0))
    return TemplatesToAskView(
        [
            TemplateView(name, template_ids()[name], BY_NAME[name].title, accepts.get(name, 0))
            for name in wanted[:ASK_AT_ONCE]
        ]
    )
