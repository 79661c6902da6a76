"""Fulfilling a wish: claim it, give it up, report it done; and the wisher's answer: confirm and rate, or dispute."""

from datetime import timedelta

from server import clock
from server.accounts.details import details_of
from server.database import fetch_one, transaction
from server.errors import InvalidFields, NotAllowed, WrongState
from server.media.service import attach_pictures, detach_pictures
from server.moderation.service import Verdict, submit_for_check, verdict_of
from server.notifications.service import notify
from server.organizations.access import role_holders
from server.service_record.service import record_service
from server.wishes.errors import OwnWish, PhoneNeeded, WishTaken
from server.wishes.models import HOLDING, ConfirmedAs, Wish, WishClaim, WishState
from server.wishes.rules import DISPUTE_DAYS, PUBLIC, Action
from server.wishes.steps import (
    Step,
    begin_step,
    extend_claim,
    finish_step,
    open_claim,
    require_free_hands,
    wisher_ids,
)

RULE = "wish_fulfilled"
"""The service record's rule that a fulfilled wish earns points by."""


async def claim_wish(person_id: str, wish_id: str) -> None:
    """Take a published wish on; the same tap twice changes nothing.

    Raises WishTaken when somebody was faster, OwnWish, TooManyOpenClaims, PhoneNeeded, NotFound, WrongState.
    """
    async with transaction():
        try:
            step = await begin_step(wish_id, Action.CLAIM, person_id)
        except NotAllowed:
            raise OwnWish() from None
        except WrongState as refusal:
            if refusal.facts["state"] in PUBLIC:
                raise WishTaken() from None
            raise
        if step.holder:
            return
        if not (await details_of(person_id)).phone_is_verified:
            raise PhoneNeeded()
        await require_free_hands(person_id)
        claim = await open_claim(step.wish, person_id)
        await finish_step(step)
        await notify(
            wisher_ids(step.wish), "wish_claimed", wish=wish_id, claimer=person_id, due=claim.due_at, at=clock.now()
        )


async def release_claim(person_id: str, wish_id: str, reason: str) -> None:
    """The claimer gives the wish up; it goes back to the wall. Raises NotFound, NotAllowed, WrongState."""
    async with transaction():
        step = await begin_step(wish_id, Action.RELEASE, person_id)
        await finish_step(step, reason=reason)
        await notify(wisher_ids(step.wish), "wish_back_on_wall", wish=wish_id, why="released", at=clock.now())


async def report_wish_done(person_id: str, wish_id: str, note: str, picture_ids: list[str]) -> None:
    """The claimer says that it is done and shows at least one picture; note and pictures go to the content check.

    Raises NotFound, NotAllowed, WrongState, InvalidFields (no picture), PictureUnusable.
    """
    if not picture_ids:
        raise InvalidFields.of("picture_ids", "请至少上传一张照片")
    async with transaction():
        step = await begin_step(wish_id, Action.REPORT_DONE, person_id)
        claim = step.claim
        picture_ids = list(dict.fromkeys(picture_ids))
        # A report whose content was refused is made anew, perhaps with some of the same pictures.
        kept = set(claim.picture_ids)
        if removed := [picture_id for picture_id in claim.picture_ids if picture_id not in picture_ids]:
            await detach_pictures(removed, ("wish_claim", claim.id))
        if added := [picture_id for picture_id in picture_ids if picture_id not in kept]:
            await attach_pictures(person_id, added, ("wish_claim", claim.id))
        claim.note, claim.picture_ids, claim.note_is_shown = note, picture_ids, False
        claim.reported_at, claim.staff_told_at = clock.now(), None
        await finish_step(step)
        await submit_for_check(
            "wish_report",
            claim.id,
            author_id=person_id,
            organization_id=step.wish.community_id,
            picture_ids=picture_ids,
        )
        await notify(wisher_ids(step.wish), "wish_reported", wish=wish_id, claimer=person_id, at=clock.now())


async def confirm_wish(person_id: str, wish_id: str, rating: int, words: str, picture_ids: list[str]) -> None:
    """The wisher says that the wish came true and rates it from 1 to 5; the claimer gets the points.

    Words and thank-you pictures are shown to the claimer once the content check has passed them. Raises NotFound,
    NotAllowed, WrongState, PictureUnusable.
    """
    async with transaction():
        step = await begin_step(wish_id, Action.CONFIRM, person_id)
        claim = step.claim
        picture_ids = list(dict.fromkeys(picture_ids))
        if picture_ids:
            await attach_pictures(person_id, picture_ids, ("wish_claim", claim.id))
        claim.rating, claim.words, claim.thanks_picture_ids = rating, words, picture_ids
        await credit_claim(step, person_id, ConfirmedAs.WISHER)
        await finish_step(step)
        if words or picture_ids:
            await submit_for_check(
                "wish_thanks",
                claim.id,
                author_id=person_id,
                organization_id=step.wish.community_id,
                picture_ids=picture_ids,
            )
        await notify(claim.claimer_id, "wish_confirmed", wish=wish_id, rating=rating, at=clock.now())


async def dispute_wish(person_id: str, wish_id: str, reason: str) -> None:
    """The wisher says that it was not fulfilled as reported, also for some days after it was confirmed; staff decide.

    Raises NotFound, NotAllowed, WrongState.
    """
    async with transaction():
        step = await begin_step(wish_id, Action.DISPUTE, person_id)
        claim, now = step.claim, clock.now()
        if claim.confirmed_at and claim.confirmed_at + timedelta(days=DISPUTE_DAYS) < now:
            raise WrongState(f"确认已超过 {DISPUTE_DAYS} 天，请联系社区")
        claim.dispute_reason, claim.disputed_at = reason, now
        await finish_step(step)
        await notify(claim.claimer_id, "wish_disputed", wish=wish_id, at=now)
        staff = await role_holders(step.wish.community_id)
        await notify(staff, "wish_dispute_to_decide", wish=wish_id)


async def credit_claim(step: Step, confirmer_id: str, confirmed_as: ConfirmedAs) -> None:
    """The claim counts as fulfilled now: note who says so, and give the claimer the points, once."""
    claim, wish = step.claim, step.wish
    claim.confirmed_at, claim.confirmed_by_id, claim.confirmed_as = clock.now(), confirmer_id, confirmed_as
    assert claim.reported_at
    # The source is the claim, not the wish: after a reversal the same person may fulfil the same wish again.
    await record_service(
        claim.claimer_id,
        rule=RULE,
        source=("wish_claim", claim.id),
        occurred_at=claim.reported_at,
        organization_id=wish.community_id,
    )


async def report_texts(claim_id: str) -> list[str]:
    """What the content check reads of a report."""
    row = await fetch_one("SELECT note FROM wish_claim WHERE id = $1", claim_id)
    return [row["note"]] if row and row["note"] else []


async def thanks_texts(claim_id: str) -> list[str]:
    """What the content check reads of the wisher's thanks."""
    row = await fetch_one("SELECT words FROM wish_claim WHERE id = $1", claim_id)
    return [row["words"]] if row and row["words"] else []


async def settle_report_check(claim_id: str) -> None:
    """A report's check has an answer: what passed is shown to the wisher; one that was refused is to be made anew.

    Called once for each verdict, in a transaction of its own.
    """
    wish, claim = await _lock_claim(claim_id)
    verdict = await verdict_of("wish_report", claim_id)
    if verdict in (Verdict.PENDING, Verdict.HELD):
        return
    if verdict is Verdict.REFUSED and wish.state is WishState.REPORTED and claim.state in HOLDING:
        step = await begin_step(wish.id, Action.FAIL_REPORT_CHECK, None)
        step.claim.note_is_shown = False
        extend_claim(step.claim)
        await finish_step(step)
        await notify(claim.claimer_id, "wish_report_refused", wish=wish.id)
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
    wish = await Wish.filter(id=wish_id).select_for_update().get()
    return wish, await WishClaim.get(id=claim_id)
