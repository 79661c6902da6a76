"""Carrying messages to WeChat, and what WeChat says of them afterwards.

No accept for it, not wanted, no WeChat account, or nothing left to tell of: the message stays in the inbox, and WeChat
is not asked.
The relay sends to one person one message at a time (the row's lane), so the balance that is looked at before the call
is still the one that the record of the call spends.
"""

from datetime import timedelta
from typing import Any

import structlog

from server.background.outbox import (
    CannotSucceed,
    NotBefore,
    OutboxState,
    OutcomeUnknown,
    Record,
    RetryLater,
    about_to_leave,
    wait_for_record,
)
from server.foundation import clock
from server.foundation.database import fetch
from server.foundation.dates import end_of, today
from server.notifications import grants
from server.notifications.events import EVENTS, Event
from server.notifications.models import LAST_KEPT, NO_ACCEPT, NOT_AT_WECHAT, Delivery, GrantSource, InboxMessage
from server.notifications.preferences import next_digest, wanted_by
from server.notifications.rendering import Told, describe_subjects, gone_subjects, render_fields, render_words
from server.notifications.telling import SUBSCRIBE_MESSAGE
from server.wechat import errors
from server.wechat.connection import openid_of, person_of, platform, template_ids
from server.wechat.message_fields import FieldInvalid
from server.wechat.push import SubscribeAnswer, SubscribeChange, SubscribeSent
from server.wechat.templates import fill_template

log = structlog.get_logger()

_PAUSES: dict[type[errors.WeChatError], timedelta] = {
    errors.UserBusy: timedelta(seconds=3),
    errors.TooOften: timedelta(minutes=1),
    errors.TokenStale: timedelta(minutes=1),
}
"""How long to wait after a refusal that passes by itself; the others wait longer each time."""

_HAS_LEFT = (Delivery.SENT, Delivery.DELIVERED, Delivery.UNDELIVERED, Delivery.UNKNOWN)
_NOT_A_THING = ("person", "organization", "party_organization")


async def send_message(payload: dict[str, Any]) -> Record | None:
    """The outbox effect: send the inbox message to WeChat, if the person allows it and wants it."""
    message = await InboxMessage.get_or_none(id=payload["message"])
    event = EVENTS.get(message.event) if message else None
    if message is None or event is None or not event.template:
        return None
    wanted = await wanted_by(message.person_id)
    if event.topic in wanted.muted:
        return _keep_in_inbox(message, "turned off")
    if held_until := wanted.held_until(event, clock.now()):
        raise NotBefore(held_until)
    accepts = await grants.balance_of(message.person_id, event.template)
    if reason := await _why_no_accept(message, event, accepts):
        return _keep_in_inbox(message, reason, tell_later=not event.minor)
    if await _is_overtaken(message, event):
        return _keep_in_inbox(message, "a later one was sent before it")
    openid = await openid_of(message.person_id)
    if openid is None:
        return _keep_in_inbox(message, "no WeChat account")
    told = Told(message.event, message.facts)
    described = await describe_subjects([told])
    if gone := gone_subjects(event, message.facts, described, *event.fields.values(), event.page):
        return _keep_in_inbox(message, f"gone: {', '.join(gone)}")
    try:
        data = fill_template(event.template, render_fields(told, described))
    except FieldInvalid as error:
        log.error("message_field_invalid", message_event=message.event, field=error.key, problem=error.problem)
        raise CannotSucceed(f"field {error.key}", _fail(message, f"field {error.key}")) from None
    return await _send(message, event, openid, data, render_words(told, described).page, accepts)


async def end_message(payload: dict[str, Any], state: OutboxState) -> None:
    """The row ended without an answer of WeChat's: expired, given up, or its relay died while it was sending."""
    message = await InboxMessage.get_or_none(id=payload["message"])
    if message is None:
        return
    if state is OutboxState.UNKNOWN and (event := EVENTS.get(message.event)):
        await grants.spend(message.person_id, event.template, message.id)
    await _note(message, Delivery(str(state)), "")


async def count_answer(push: SubscribeAnswer | SubscribeChange) -> Record | None:
    """The push of an answer to the popup, or of a template turned off in WeChat's settings, goes into the ledger."""
    template = template_ids().find(push.template_id)
    person_id = await person_of(push.openid)
    if template is None or person_id is None:
        return None

    async def record() -> None:
        if isinstance(push, SubscribeChange) and not push.accepted:
            await grants.turn_off(person_id, template.name, push.status, push.created_at, push.key)
        else:
            await grants.record_answer(
                person_id, template.name, push.status, GrantSource.PUSH, push.created_at, push.key
            )

    return record


async def note_delivery(push: SubscribeSent) -> Record | None:
    """WeChat tells whether a message reached the phone. Raises NotBefore where its sending is not recorded yet."""
    message = await InboxMessage.get_or_none(msgid=push.msgid) if push.msgid else None
    if message is None:
        wait_for_record(push.created_at)
        return None

    async def record() -> None:
        if push.error_code == 0:
            await _note(message, Delivery.DELIVERED, "")
        else:
            await _note(message, Delivery.UNDELIVERED, f"{push.error_code} {push.error_status}")

    return record


async def _send(
    message: InboxMessage, event: Event, openid: str, data: dict[str, str], page: str, accepts: int
) -> Record:
    """One call. Every error of WeChat's ends as one of: tried again, failed, unknown, kept in the inbox."""
    spend = (message.person_id, event.template, message.id)

    async def record_sent() -> None:
        await grants.spend(*spend)
        await _note(message, Delivery.SENT, "", msgid=msgid)

    async def record_unknown() -> None:
        await grants.spend(*spend)
        await _note(message, Delivery.UNKNOWN, "no answer")

    async def record_no_grant() -> None:
        await grants.correct_to_zero(message.person_id, event.template, accepts, f"refused:{message.id}")
        await _keep_in_inbox(message, NOT_AT_WECHAT, tell_later=not event.minor)()

    try:
        # Fetched by itself first: a token that got no answer must not pass for a message that got none.
        await platform().tokens.get()
    except errors.OutcomeUnknown as error:
        raise RetryLater(str(error)) from None
    except errors.WeChatError:
        pass  # The call below meets the same, and tells what becomes of it.
    await about_to_leave()
    try:
        msgid = await platform().send_subscribe_message(openid, template_ids()[event.template], page, data)
    except errors.NoGrant:
        return record_no_grant
    except errors.OutcomeUnknown as error:
        log.warning("message_outcome_unknown", message_event=message.event, error=error.errmsg)
        raise OutcomeUnknown(error.errmsg, record_unknown) from None
    except errors.QuotaReached as error:
        raise RetryLater(str(error), _until_tomorrow()) from None
    except errors.WeChatError as error:
        if error.retriable:
            raise RetryLater(str(error), _PAUSES.get(type(error))) from None
        fault = "ours" if isinstance(error, errors.RequestInvalid) else "not ours"
        log.error("message_refused", message_event=message.event, fault=fault, error=str(error))
        raise CannotSucceed(str(error), _fail(message, str(error))) from None
    return record_sent


async def _why_no_accept(message: InboxMessage, event: Event, accepts: int) -> str:
    """Why there is no accept for this message: none is left, or what is left is for something more important."""
    if not accepts:
        return NO_ACCEPT
    if event.importance == 0 and accepts == 1:
        return LAST_KEPT
    return LAST_KEPT if accepts <= await _more_important(message, event) else ""


async def _more_important(message: InboxMessage, event: Event) -> int:
    """How many more important messages to the same person are still to be sent with this template."""
    rows = await fetch(
        "SELECT payload->>'message' AS message FROM outbox WHERE lane = $1 AND kind = $2 AND priority >= $3 "
        "AND state IN ('queued', 'waiting') LIMIT 100",
        message.person_id,
        SUBSCRIBE_MESSAGE,
        # Where this one is not minor, only what is urgent is more important, and goes before it.
        event.priority + (event.importance > 0),
    )
    if not rows:
        return 0
    waiting: list[InboxMessage] = await InboxMessage.filter(id__in=[row["message"] for row in rows])
    others = [EVENTS[other.event] for other in waiting if other.event in EVENTS]
    return sum(other.template == event.template and other.importance > event.importance for other in others)


async def _is_overtaken(message: InboxMessage, event: Event) -> bool:
    """Whether a later message about the same thing has gone to WeChat before this one (it was urgent, or this one was
    held): "booked" after "cancelled" would mislead. (Persons and organizations are not what a message is about.)"""
    own = _things(event, message.facts)
    if not own:
        return False
    later: list[InboxMessage] = await InboxMessage.filter(
        person_id=message.person_id, id__gt=message.id, delivery__in=_HAS_LEFT
    )
    return any(own & _things(EVENTS[other.event], other.facts) for other in later if other.event in EVENTS)


def _things(event: Event, facts: Any) -> set[str]:
    kinds = {name: event.kinds.get(name, name) for name in event.subject_names()}
    return {facts[name] for name, kind in kinds.items() if kind not in _NOT_A_THING and facts.get(name)}


def _keep_in_inbox(message: InboxMessage, note: str, *, tell_later: bool = False) -> Record:
    """It stays in the inbox; with `tell_later` the next digest counts it."""

    async def record() -> None:
        await _note(message, Delivery.INBOX_ONLY, note)
        if tell_later and not message.hidden:
            await InboxMessage.filter(id=message.id, read_at__isnull=True).update(
                digest_due_at=next_digest(clock.now())
            )

    return record


def _fail(message: InboxMessage, note: str) -> Record:
    async def record() -> None:
        await _note(message, Delivery.FAILED, note)

    return record


async def _note(message: InboxMessage, delivery: Delivery, note: str, *, msgid: str | None = None) -> None:
    changes: dict[str, Any] = {"delivery": delivery, "delivery_note": note[:200]}
    if msgid:
        changes["msgid"] = msgid
    await InboxMessage.filter(id=message.id).update(**changes)


def _until_tomorrow() -> timedelta:
    """The day's quota opens again at midnight, Shanghai time."""
    return end_of(today()) + timedelta(minutes=1) - clock.now()
