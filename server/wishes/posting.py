"""A wish on its way to the wall, for those who wish: write, edit, submit, withdraw, renew; and the content check."""

from datetime import date, timedelta
from typing import Annotated

import msgspec

from server.accounts.consents import ConsentNeeded, record_consent, require_consent
from server.accounts.details import details_of
from server.accounts.models import ConsentKind, Person
from server.accounts.power import require_power_over
from server.accounts.queries import has_consent, hold_dependant
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.bounds import RequiredText
from server.foundation.database import transaction
from server.foundation.dates import today
from server.foundation.errors import EditedMeanwhile, InvalidFields, NotFound
from server.foundation.ids import Id, new_id
from server.foundation.typed import require_no_number
from server.media.uploads.uploading import change_pictures
from server.moderation.models import Verdict
from server.moderation.verdicts import refusal_reason, submit_for_check, verdict_of
from server.notifications.telling import notify
from server.organizations.access import GRID_WORKERS, require_role_or_hide, role_holders
from server.wishes import messages
from server.wishes.claiming import tell_of_end
from server.wishes.contact import seal_contact
from server.wishes.errors import CommunityNeeded
from server.wishes.models import Escalation, Wish, WishAudience, WishKind, WishState
from server.wishes.queries import WishView, get_visible_wish
from server.wishes.rules import LONGEST_WAIT_DAYS, MAX_PICTURES, MAX_QUANTITY, WISH_TABLE, WishAction, WishActor
from server.wishes.steps import Step, begin_step, finish_step, whom_to_tell


class WishContent(msgspec.Struct, kw_only=True):
    """What is written of a wish. `place` is public and coarse; `address` and `phone` are told to the claimer alone."""

    title: Annotated[RequiredText, msgspec.Meta(max_length=40)]
    kind: WishKind
    audience: WishAudience
    text: Annotated[str, msgspec.Meta(max_length=1000)] = ""
    place: Annotated[str, msgspec.Meta(max_length=60)] = ""
    picture_ids: Annotated[list[Id], msgspec.Meta(max_length=MAX_PICTURES)] = []
    wished_by: date | None = None
    quantity: Annotated[int, msgspec.Meta(ge=1, le=MAX_QUANTITY)] = 1
    """How many things; only where things are wished for."""
    address: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    """Left as it is when absent; taken away when empty. So is `phone`."""
    phone: Annotated[str, msgspec.Meta(max_length=20)] | None = None


async def draft_wish(
    author_id: str, content: WishContent, *, beneficiary_id: str | None = None, beneficiary_consents: bool = False
) -> WishView:
    """A new draft, the author's own wish or, on behalf of `beneficiary_id`, a relative's or (for staff) a resident's.

    `beneficiary_consents`: staff have the person's word, which is recorded. Raises NotFound for persons whom the author
    may not speak for, ConsentNeeded, CommunityNeeded, PictureUnusable.
    """
    beneficiary_id = beneficiary_id or author_id
    async with transaction():
        people = {person.id: person for person in await Person.filter(id__in=[author_id, beneficiary_id])}
        beneficiary = people.get(beneficiary_id)
        if beneficiary is None or beneficiary.merged_into_id or beneficiary.closed_at:
            raise NotFound()
        community_id = beneficiary.community_id or people[author_id].community_id
        if community_id is None:
            raise CommunityNeeded()
        if beneficiary_id == author_id:
            await require_consent(author_id, ConsentKind.PRIVACY)
        else:
            await _require_may_speak(author_id, beneficiary, beneficiary_consents)
        wish = Wish(id=new_id(), author_id=author_id, beneficiary_id=beneficiary_id, community_id=community_id)
        await _write(wish, content, author_id)
        wish.changed_at = clock.now()
        await wish.save(force_create=True)
        return await get_visible_wish(author_id, wish.id)


async def edit_wish(person_id: str, wish_id: str, version: int, content: WishContent) -> WishView:
    """Write the wish anew. One that was submitted is checked again; one that was published is reviewed again, and
    its claimer is told.

    Raises NotFound, NotAllowed, WrongState, EditedMeanwhile, InvalidFields, PictureUnusable.
    """
    async with transaction():
        step = await begin_step(wish_id, WishAction.EDIT, person_id)
        wish = step.wish
        if wish.version != version:
            raise EditedMeanwhile()
        is_checked = wish.state not in (WishState.DRAFT, WishState.RETURNED)
        if is_checked:
            _require_complete(content.text, content.wished_by, may_be=wish.wished_by)
            await _require_masked(wish.beneficiary_id, content.title, content.text, content.place)
        if step.following is not wish.state:
            wish.submitted_at = clock.now()
            if step.holder:
                await notify(step.holder.claimer_id, messages.EDITED, wish=wish_id)
        await _write(wish, content, person_id)
        wish.version += 1
        if step.holder:
            if wish.quantity < step.holder.pledged:
                raise InvalidFields.of("quantity", f"团队已认下 {step.holder.pledged} 件")
            step.holder.quantity = wish.quantity
            await step.holder.save(update_fields=["quantity"])
        await finish_step(step)
        if is_checked:
            await _submit_to_check(wish)
        return await get_visible_wish(person_id, wish_id)


async def submit_wish(person_id: str, wish_id: str) -> WishView:
    """Hand the wish in for the content check and for review.

    Raises NotFound, WrongState, ConsentNeeded (the person it is for no longer agrees), InvalidFields where something is
    missing.
    """
    async with transaction():
        step = await begin_step(wish_id, WishAction.SUBMIT, person_id)
        _require_complete(step.wish.text, step.wish.wished_by)
        await _require_masked(step.wish.beneficiary_id, step.wish.title, step.wish.text, step.wish.place)
        return await _hand_in(step, person_id)


async def renew_wish(person_id: str, wish_id: str, wished_by: date) -> WishView:
    """An expired wish is wished for again, by another day.

    Raises NotFound, WrongState, InvalidFields, ConsentNeeded.
    """
    async with transaction():
        step = await begin_step(wish_id, WishAction.RENEW, person_id)
        _require_complete(step.wish.text, wished_by)
        step.wish.wished_by, step.wish.escalation = wished_by, Escalation.NOBODY
        step.wish.version += 1
        return await _hand_in(step, person_id)


async def withdraw_wish(person_id: str, wish_id: str) -> WishView:
    """The wish is no longer wished; its claimer is told. Raises NotFound, WrongState."""
    async with transaction():
        step = await begin_step(wish_id, WishAction.WITHDRAW, person_id)
        await finish_step(step)
        await tell_of_end(step)
        return await get_visible_wish(person_id, wish_id)


async def settle_wish_check(wish_id: str) -> None:
    """The content check has an answer: staff are told that there is something to review, or the wish goes back.

    Called once for each verdict, in a transaction of its own.
    """
    wish = await Wish.filter(id=wish_id).select_for_update(no_key=True).get_or_none()
    if wish is None:
        return
    verdict = await verdict_of("wish", wish_id)
    if verdict is Verdict.PASSED and wish.state in (WishState.SUBMITTED, WishState.AMENDED):
        staff = await role_holders(wish.community_id)
        await notify(staff, messages.TO_REVIEW, wish=wish_id)
    elif verdict is Verdict.REFUSED and (wish.state, WishAction.FAIL_CHECK, WishActor.SYSTEM) in WISH_TABLE.transitions:
        step = await begin_step(wish_id, WishAction.FAIL_CHECK, None)
        step.wish.reason = await refusal_reason("wish", wish_id)
        await finish_step(step)
        await notify(await whom_to_tell(wish), messages.RETURNED, wish=wish_id, at=clock.now())
        await tell_of_end(step)


async def _hand_in(step: Step, person_id: str) -> WishView:
    author_id, beneficiary_id = step.wish.author_id, step.wish.beneficiary_id
    if author_id != beneficiary_id and person_id != beneficiary_id:
        await _require_word_of(beneficiary_id)
    step.wish.submitted_at = clock.now()
    await finish_step(step)
    await _submit_to_check(step.wish)
    return await get_visible_wish(person_id, step.wish.id)


async def _submit_to_check(wish: Wish) -> None:
    await submit_for_check(
        "wish", wish.id, author_id=wish.author_id, organization_id=wish.community_id, picture_ids=wish.picture_ids
    )


async def _require_may_speak(author_id: str, beneficiary: Person, beneficiary_consents: bool) -> None:
    try:
        await hold_dependant(author_id, beneficiary.id)
    except NotFound:
        community_id = beneficiary.community_id
        if community_id is None:
            raise
        await require_role_or_hide(author_id, community_id, GRID_WORKERS)
        await require_power_over(author_id, beneficiary.id, GRID_WORKERS)
        if beneficiary_consents:
            await record_consent(beneficiary.id, ConsentKind.ON_BEHALF, given_by_id=author_id)
            await record_audit(
                "record_consent",
                actor_id=author_id,
                subject=("person", beneficiary.id),
                person_id=beneficiary.id,
                organization_id=community_id,
                kind=str(ConsentKind.ON_BEHALF),
            )
    await _require_word_of(beneficiary.id)


async def _require_word_of(beneficiary_id: str) -> None:
    """Raises ConsentNeeded unless the person, or the guardian of a child, agrees to be spoken for."""
    for kind in (ConsentKind.ON_BEHALF, ConsentKind.GUARDIAN):
        if await has_consent(beneficiary_id, kind):
            return
    raise ConsentNeeded("请先征得本人同意并登记")


def _require_complete(text: str, wished_by: date | None, *, may_be: date | None = None) -> None:
    """Raises InvalidFields unless the wish can be shown to others; `may_be` is a date that was accepted before."""
    if not text.strip():
        raise InvalidFields.of("text", "请写明心愿内容")
    first, last = today() + timedelta(days=1), today() + timedelta(days=LONGEST_WAIT_DAYS)
    if wished_by is None:
        raise InvalidFields.of("wished_by", "请选择希望实现的日期")
    if wished_by != may_be and not first <= wished_by <= last:
        raise InvalidFields.of("wished_by", f"希望实现的日期应在明天至 {LONGEST_WAIT_DAYS} 天内")


async def _require_masked(beneficiary_id: str, title: str, text: str, place: str) -> None:
    """Raises InvalidFields where what everybody would read says who wishes, where exactly they live, or a number."""
    own = await details_of(beneficiary_id)
    for name, public in (("title", title), ("text", text), ("place", place)):
        if (len(own.real_name) > 1 and own.real_name in public) or (own.address and own.address in public):
            raise InvalidFields.of(name, "请不要写出姓名和详细地址，认领后才会告诉认领人")


async def _write(wish: Wish, content: WishContent, person_id: str) -> None:
    if content.address and wish.author_id == wish.beneficiary_id == person_id:
        await require_consent(person_id, ConsentKind.SENSITIVE_DATA)
    # In a draft too, which lies there in clear.
    for name, public in (("title", content.title), ("text", content.text), ("place", content.place)):
        require_no_number(name, public)
    picture_ids = list(dict.fromkeys(content.picture_ids))
    await change_pictures(person_id, wish.picture_ids, picture_ids, ("wish", wish.id))
    wish.title, wish.text, wish.place = content.title.strip(), content.text.strip(), content.place.strip()
    if not wish.title:
        raise InvalidFields.of("title", "请填写心愿标题")
    if content.kind is not WishKind.THING and content.quantity != 1:
        raise InvalidFields.of("quantity", "只有物品类心愿可以填写数量")
    if content.wished_by != wish.wished_by:
        wish.escalation = Escalation.NOBODY
    wish.kind, wish.audience, wish.wished_by = content.kind, content.audience, content.wished_by
    wish.quantity, wish.picture_ids = content.quantity, picture_ids
    seal_contact(wish, address=content.address, phone=content.phone)
