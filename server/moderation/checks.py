"""Having parts checked by WeChat (内容安全), from the outbox and never inside a request.

What WeChat cannot say (the author was not active within two hours, a quota, an outage, an answer that we don't know) is
held for the staff: silence never passes.
"""

from datetime import timedelta
from typing import Any

import structlog

from server.background.outbox import OutboxState, Record, RetryLater, wait_for_record
from server.media.addresses import signed_address
from server.moderation.models import CheckedSubject, CheckState, ContentCheck
from server.moderation.verdicts import TEXTS, record_state
from server.wechat import ContentScene, Suggest, errors
from server.wechat import Verdict as WeChatVerdict
from server.wechat.api import TEXT_LIMIT
from server.wechat.connection import openid_of, platform
from server.wechat.push import PictureVerdict

log = structlog.get_logger()

SCENES = {"nickname": ContentScene.PROFILE}
"""Where a kind of subject appears; everything else is a comment."""

_STATES = {Suggest.PASS: CheckState.PASSED, Suggest.REVIEW: CheckState.HELD, Suggest.RISKY: CheckState.REFUSED}
_WORST_FIRST = (Suggest.RISKY, Suggest.REVIEW, Suggest.PASS)
_PAUSES = {errors.TooOften: timedelta(minutes=1), errors.TokenStale: timedelta(minutes=1)}
_PICTURE_SECONDS = 45 * 60
"""How long WeChat can fetch a picture: longer than it may take to check it."""


async def check_text(payload: dict[str, Any]) -> Record | None:
    """The outbox effect: all texts of a subject as they are now, in as many calls as their length takes."""
    check, subject = await _pending(payload["check"])
    if check is None or subject is None:
        return None
    texts = [text.strip() for text in await TEXTS[subject.kind](subject.subject_id)]
    content = "\n".join(text for text in texts if text)
    if not content:
        return _found(check, CheckState.PASSED, note="nothing to check")
    openid = await openid_of(subject.author_id)
    if openid is None:
        return _found(check, CheckState.HELD, note="the author has no WeChat account")
    verdicts: list[WeChatVerdict] = []
    for start in range(0, len(content), TEXT_LIMIT):
        part = content[start : start + TEXT_LIMIT]
        try:
            verdicts.append(await platform().check_text(openid, _scene(subject), part))
        except errors.WeChatError as error:
            return _hold_or_retry(check, error)
    worst = min(verdicts, key=lambda verdict: _WORST_FIRST.index(verdict.suggest))
    return _found(check, _STATES[worst.suggest], label=worst.label)


async def check_picture(payload: dict[str, Any]) -> Record | None:
    """The outbox effect: ask WeChat to fetch and check a picture; its verdict comes by push, within half an hour."""
    check, subject = await _pending(payload["check"])
    if check is None or subject is None or check.picture_id is None:
        return None
    openid = await openid_of(subject.author_id)
    if openid is None:
        return _found(check, CheckState.HELD, note="the author has no WeChat account")
    address = signed_address(check.picture_id, seconds=_PICTURE_SECONDS)
    try:
        trace_id = await platform().check_picture_async(openid, _scene(subject), address)
    except errors.WeChatError as error:
        return _hold_or_retry(check, error)

    async def record() -> None:
        await ContentCheck.filter(id=check.id, state=CheckState.PENDING).update(trace_id=trace_id)

    return record


async def end_check(payload: dict[str, Any], state: OutboxState) -> None:
    """The row ended without an answer: the outage lasted too long, or something of ours broke."""
    await record_state(payload["check"], CheckState.HELD, note=f"the check {state}")


async def take_picture_verdict(push: PictureVerdict) -> Record | None:
    """WeChat pushed what it thinks of a picture. Raises NotBefore where its trace id is not recorded yet."""
    check = await ContentCheck.get_or_none(trace_id=push.trace_id)
    if check is None:
        wait_for_record(push.created_at)
        return None
    note = f"WeChat answered {push.errcode}" if push.errcode else ""
    return _found(check, _STATES[push.suggest], label=push.label, note=note)


async def _pending(check_id: str) -> tuple[ContentCheck | None, CheckedSubject | None]:
    """The check and its subject, if it is still to be done."""
    check = await ContentCheck.get_or_none(id=check_id).select_related("subject")
    if check is None or check.state is not CheckState.PENDING:
        return None, None
    return check, check.subject


def _scene(subject: CheckedSubject) -> ContentScene:
    return SCENES.get(subject.kind, ContentScene.COMMENT)


def _hold_or_retry(check: ContentCheck, error: errors.WeChatError) -> Record:
    """What passes by itself is tried again (a check repeated does no harm); everything else is for the staff."""
    if isinstance(error, errors.OutcomeUnknown) or (error.retriable and not isinstance(error, errors.QuotaReached)):
        raise RetryLater(str(error), _PAUSES.get(type(error))) from None
    if isinstance(error, errors.RequestInvalid | errors.NotAllowed):
        log.error("content_check_refused", error=str(error))
    return _found(check, CheckState.HELD, note=type(error).__name__)


def _found(check: ContentCheck, state: CheckState, *, label: int = 0, note: str = "") -> Record:
    async def record() -> None:
        await record_state(check.id, state, label=label, note=note)

    return record
