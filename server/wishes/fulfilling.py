"""Fulfilling a wish: how it goes, that it is done, the hand-over; and the wisher's answer: confirm, rate, dispute."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from server.foundation import clock
from server.foundation.codes import RotatingCode
from server.foundation.database import fetch, transaction
from server.foundation.errors import InvalidFields, NotFound, WrongState
from server.foundation.ids import new_id
from server.foundation.rating import NewRating
from server.foundation.typed import require_no_number
from server.media.drawing.qr import qr_as_text
from server.media.uploads.uploading import attach_pictures, change_pictures
from server.moderation.models import Verdict
from server.moderation.verdicts import submit_for_check, verdict_of
from server.notifications.telling import notify
from server.organizations.access import role_holders
from server.service_record.recording import record_service, reverse_entry
from server.wishes import messages
from server.wishes.claiming import helpers_of
from server.wishes.errors import HandOverCodeExpired, HandOverCodeInvalid, TooManyNotes
from server.wishes.models import HOLDING, ConfirmedAs, HandedOverBy, Wish, WishClaim, WishNote, WishState
from server.wishes.queries import WishView, get_visible_wish
from server.wishes.rules import DISPUTE_DAYS, MAX_NOTES, WishAction, WishActor, longest_due_at, shortest_due_at
from server.wishes.steps import Step, begin_step, extend_claim, find_wish, finish_step, whom_to_tell
from server.wishes.terms import terms_of

RULE = "wish_fulfilled"
"""The service record's rule that a fulfilled wish earns points by."""
RULE_TOGETHER = "wish_fulfilled_together"
"""The same, for each of several who did it together."""

_CODE = RotatingCode("wish", "wish_hand_over", seconds=60)
"""What the wisher's screen shows; it tells the claim."""


class HandOverCode(msgspec.Struct):
    """The wisher's code as text and as a PNG (base64); after `shown_until` the screen asks for the next one."""

    code: str
    shown_until: datetime
    picture: str


async def add_wish_note(person_id: str, wish_id: str, text: str, picture_ids: list[str]) -> WishView:
    """Tell how it is going. Who does so shortly before the claim is due is not idle, and has some days more.

    Raises InvalidFields (nothing is told), TooManyNotes, NotFound, NotAllowed, WrongState, PictureUnusable.
    """
    text, picture_ids = text.strip(), list(dict.fromkeys(picture_ids))
    require_no_number("text", text)
    if not text and not picture_ids:
        raise InvalidFields.of("text", "请填写进展或上传照片")
    async with transaction():
        step = await begin_step(wish_id, WishAction.ADD_NOTE, person_id)
        claim = step.claim
        if await WishNote.filter(claim_id=claim.id).count() >= MAX_NOTES:
            raise TooManyNotes(f"每次认领最多记录 {MAX_NOTES} 条进展", limit=MAX_NOTES)
        note_id = new_id()
        await attach_pictures(person_id, picture_ids, ("wish_note", note_id))
        await WishNote.create(id=note_id, claim_id=claim.id, author_id=person_id, text=text, picture_ids=picture_ids)
        terms = await terms_of(step.wish.community_id)
        due_at = min(shortest_due_at(clock.now()), longest_due_at(claim.created_at, terms.claim_days))
        if due_at > claim.due_at:
            claim.due_at, claim.reminded_at = due_at, None
            await claim.save(update_fields=["due_at", "reminded_at"])
        await finish_step(step)
        await _submit("wish_note", note_id, person_id, step.wish, picture_ids)
        return await get_visible_wish(person_id, wish_id)


async def report_wish_done(person_id: str, wish_id: str, note: str, picture_ids: list[str]) -> WishView:
    """The claimer says that it is done and shows at least one picture; note and pictures go to the content check.

    Raises NotFound, NotAllowed, WrongState, InvalidFields (no picture), PictureUnusable.
    """
    if not picture_ids:
        raise InvalidFields.of("picture_ids", "请至少上传一张照片")
    async with transaction():
        step = await begin_step(wish_id, WishAction.REPORT_DONE, person_id)
        return await _report(step, person_id, note, picture_ids)


async def show_hand_over_code(person_id: str, wish_id: str) -> HandOverCode:
    """What the wisher, or the one who stands in for them, shows when the wish is brought; another one every minute.

    Raises NotFound for everybody else, and WrongState while nobody has claimed it.
    """
    wish, claim, actors = await find_wish(wish_id, person_id)
    if not actors & {WishActor.WISHER, WishActor.STAND_IN}:
        raise NotFound()
    if claim is None or wish.state is not WishState.CLAIMED:
        raise WrongState("心愿被认领后才能出示交接码")
    window = _CODE.window_at(clock.now())
    text = _CODE.write(window, claim.id)
    return HandOverCode(text, _CODE.ends_at(window), qr_as_text(text))


async def hand_over_wish(person_id: str, wish_id: str, code: str, note: str, picture_ids: list[str]) -> WishView:
    """The claimer stands before the wisher and scans their code: done, also without a picture.

    Raises HandOverCodeInvalid, HandOverCodeExpired, NotFound, NotAllowed, WrongState, PictureUnusable.
    """
    async with transaction():
        step = await begin_step(wish_id, WishAction.HAND_OVER, person_id)
        # The code names the claim: one that was shown to an earlier claimer is worth nothing to this one.
        _check_code(code, step.claim.id)
        step.claim.handed_over_by = HandedOverBy.CODE
        return await _report(step, person_id, note, picture_ids)


async def _report(step: Step, person_id: str, note: str, picture_ids: list[str]) -> WishView:
    require_no_number("note", note)
    claim, wish = step.claim, step.wish
    # A report whose content was refused is made anew, perhaps with some of the same pictures.
    picture_ids = list(dict.fromkeys(picture_ids))
    await change_pictures(person_id, claim.picture_ids, picture_ids, ("wish_claim", claim.id))
    claim.note, claim.picture_ids, claim.note_is_shown = note, picture_ids, False
    claim.reported_at, claim.staff_told_at = clock.now(), None
    await finish_step(step)
    if note or picture_ids:
        await _submit("wish_report", claim.id, person_id, wish, picture_ids)
    told = await whom_to_tell(wish)
    await notify(told, messages.REPORTED, wish=wish.id, claimer=claim.claimer_id, at=clock.now())
    return await get_visible_wish(person_id, wish.id)


async def confirm_wish(
    person_id: str, wish_id: str, rating: NewRating, picture_ids: list[str], *, agrees_to_show: bool = False
) -> WishView:
    """The wisher says that the wish came true and rates it; who fulfilled it gets the points.

    Its text and thank-you pictures are shown to the claimer once the content check has passed them. Raises NotFound,
    NotAllowed, WrongState, PictureUnusable, InvalidFields.
    """
    require_no_number("text", rating.text)
    async with transaction():
        step = await begin_step(wish_id, WishAction.CONFIRM, person_id)
        claim = step.claim
        picture_ids = list(dict.fromkeys(picture_ids))
        await attach_pictures(person_id, picture_ids, ("wish_claim", claim.id))
        claim.rating, claim.words, claim.thanks_picture_ids = rating.stars, rating.text, picture_ids
        if agrees_to_show:
            claim.wisher_agreed_at = clock.now()
        await credit_claim(step, person_id, ConfirmedAs.WISHER)
        await finish_step(step)
        if rating.text or picture_ids:
            await _submit("wish_thanks", claim.id, person_id, step.wish, picture_ids)
        everyone = {claim.claimer_id, *await helpers_of(claim)}
        await notify(everyone, messages.CONFIRMED, wish=wish_id, rating=rating.stars, at=clock.now())
        return await get_visible_wish(person_id, wish_id)


async def dispute_wish(person_id: str, wish_id: str, reason: str) -> WishView:
    """The wisher says that it was not fulfilled as reported, also for some days after it was confirmed; staff decide.

    Raises NotFound, NotAllowed, WrongState.
    """
    async with transaction():
        step = await begin_step(wish_id, WishAction.DISPUTE, person_id)
        claim, now = step.claim, clock.now()
        if claim.confirmed_at and claim.confirmed_at + timedelta(days=DISPUTE_DAYS) < now:
            raise WrongState(f"确认已超过 {DISPUTE_DAYS} 天，请联系社区")
        claim.dispute_reason, claim.disputed_at = reason, now
        await finish_step(step)
        # Staff read it at once; the claimer once it has passed.
        await _submit("wish_dispute", claim.id, person_id, step.wish)
        await notify(claim.claimer_id, messages.DISPUTED, wish=wish_id, at=now)
        await notify(await role_holders(step.wish.community_id), messages.DISPUTE_TO_DECIDE, wish=wish_id)
        return await get_visible_wish(person_id, wish_id)


async def agree_to_show_wish(person_id: str, wish_id: str, agrees: bool) -> WishView:
    """One side of a fulfilled wish agrees that it is shown, on a poster and on the public page; or no longer does.

    Raises NotFound, NotAllowed, WrongState.
    """
    async with transaction():
        step = await begin_step(wish_id, WishAction.AGREE_TO_SHOW, person_id)
        side = "wisher_agreed_at" if WishActor.WISHER in step.actors else "claimer_agreed_at"
        await WishClaim.filter(id=step.claim.id).update(**{side: clock.now() if agrees else None})
        await finish_step(step)
        return await get_visible_wish(person_id, wish_id)


async def credit_claim(step: Step, confirmer_id: str, confirmed_as: ConfirmedAs) -> None:
    """The claim counts as fulfilled now: note who says so, and give those who did it the points, once."""
    claim, wish = step.claim, step.wish
    claim.confirmed_at, claim.confirmed_by_id, claim.confirmed_as = clock.now(), confirmer_id, confirmed_as
    assert claim.reported_at
    wish.fulfilled_at = claim.reported_at
    people = {claim.claimer_id, *await helpers_of(claim)}
    for person_id in sorted(people):
        # The source is the claim, not the wish: after a reversal the same person may fulfil the same wish again.
        await record_service(
            person_id,
            rule=RULE if len(people) == 1 else RULE_TOGETHER,
            source=("wish_claim", claim.id),
            occurred_at=claim.reported_at,
            organization_id=wish.community_id,
        )


async def take_back_credit(step: Step) -> None:
    """What was credited for the claim does not count; the wish is not fulfilled."""
    step.wish.fulfilled_at = None
    entries = await fetch(
        "SELECT id FROM service_entry WHERE source_kind = 'wish_claim' AND source_id = $1 AND reversal_of_id IS NULL "
        "ORDER BY person_id",
        step.claim.id,
    )
    for entry in entries:
        await reverse_entry(entry["id"], "dispute")


async def _submit(kind: str, subject_id: str, author_id: str, wish: Wish, picture_ids: Sequence[str] = ()) -> None:
    community_id = wish.community_id
    await submit_for_check(kind, subject_id, author_id=author_id, organization_id=community_id, picture_ids=picture_ids)


async def settle_note_check(note_id: str) -> None:
    """A progress note's check has an answer: the wisher is told of one that passed; of one that did not, its author."""
    note = await WishNote.get_or_none(id=note_id)
    if note is None:
        return
    wish, claim = await _lock_claim(note.claim_id)
    verdict = await verdict_of("wish_note", note_id)
    if verdict is Verdict.PASSED:
        shown = await WishNote.filter(id=note_id, is_shown=False).update(is_shown=True)
        if shown and claim.state in HOLDING:
            await notify(await whom_to_tell(wish), messages.PROGRESSED, wish=wish.id)
    elif verdict is Verdict.REFUSED:
        await notify(note.author_id, messages.NOTE_REFUSED, wish=wish.id)


async def settle_report_check(claim_id: str) -> None:
    """A report's check has an answer: what passed is shown to the wisher; one that was refused is to be made anew,
    unless the wish was handed over: then only its words and pictures stay hidden.

    Called once for each verdict, in a transaction of its own.
    """
    wish, claim = await _lock_claim(claim_id)
    verdict = await verdict_of("wish_report", claim_id)
    if verdict in (Verdict.PENDING, Verdict.HELD):
        return
    is_proof = wish.state is WishState.REPORTED and claim.state in HOLDING and claim.handed_over_by is None
    if verdict is Verdict.REFUSED and is_proof:
        step = await begin_step(wish.id, WishAction.FAIL_REPORT_CHECK, None)
        step.claim.note_is_shown = False
        extend_claim(step.claim)
        await finish_step(step)
        await notify(claim.claimer_id, messages.REPORT_REFUSED, wish=wish.id)
        return
    await WishClaim.filter(id=claim_id).update(note_is_shown=verdict is Verdict.PASSED)


async def settle_thanks_check(claim_id: str) -> None:
    """The check of the wisher's thanks has an answer: shown to the claimer, or not."""
    await _lock_claim(claim_id)
    passed = await verdict_of("wish_thanks", claim_id) is Verdict.PASSED
    await WishClaim.filter(id=claim_id).update(words_are_shown=passed)


async def _lock_claim(claim_id: str) -> tuple[Wish, WishClaim]:
    """A claim under its wish's lock, as every step has it."""
    wish_id = (await WishClaim.get(id=claim_id)).wish_id
    wish = await Wish.filter(id=wish_id).select_for_update(no_key=True).get()
    return wish, await WishClaim.get(id=claim_id)


def _check_code(code: str, claim_id: str) -> None:
    """Raises HandOverCodeInvalid for a code that is not this claim's, HandOverCodeExpired for one that is too old."""
    read = _CODE.read(code.strip())
    if read is None or read.told != [claim_id]:
        raise HandOverCodeInvalid()
    if not _CODE.is_current(read.window, clock.now()):
        raise HandOverCodeExpired()
