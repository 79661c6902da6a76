"""Signing up for a shift, giving it up, and what happens in the waiting list meanwhile."""

from collections.abc import Sequence
from typing import Any

from server.accounts.cancelling import MatterKind, OpenMatter
from server.accounts.consents import require_consent
from server.accounts.models import ConsentKind
from server.accounts.queries import has_consent, hold_dependant, ours, require_dependant
from server.foundation import clock
from server.foundation.database import execute, fetch, fetch_value, transaction
from server.foundation.errors import InvalidFields, NotFound
from server.foundation.rows import write_together
from server.notifications.telling import notify
from server.places.errors import PlacesClosed, PlacesFull
from server.places.line import lock_allotment, take
from server.places.models import Allotment, NoShowReason, Place, PlaceState
from server.places.no_shows import record_no_show
from server.places.taking import accept_offer, decline_offer, leave_party, leave_place, wake_line
from server.volunteering import messages
from server.volunteering.access import require_organizer
from server.volunteering.models import Shift, ShiftRole, SignUp
from server.volunteering.queries import ActivityView
from server.volunteering.reasons import REMOVAL, submit_reason
from server.volunteering.sign_ups.deciding import (
    REMOVED,
    ensure_may,
    ensure_open,
    hold_times_and_places,
    lock_calendars,
    read_wanted,
)
from server.volunteering.sign_ups.errors import (
    RoleNeeded,
    ShiftFull,
    ShiftOff,
    ShiftStarted,
)
from server.volunteering.sign_ups.party import MOST_FAMILY, part_party, people_of, tell_all
from server.volunteering.sign_ups.queries import SignUpView, add_sign_up, get_sign_up
from server.volunteering.staff_queries import get_staff_activity
from server.volunteering.steps import audit


async def sign_up(
    person_id: str, shift_id: str, shift_role_id: str | None = None, family_ids: Sequence[str] = ()
) -> SignUpView:
    """Places in the shift, or in its waiting list, for oneself and family members; one's own sign-up.

    They are a party: it gets in, or moves up, only as a whole. Those who are in already stay as they are, so the same
    tap twice gives the same answer. `shift_role_id` may be left out where the shift has one role.

    Raises NotFound, ConsentNeeded, InvalidFields, ShiftOff, SignUpNotOpen, SignUpClosed, and for the first of them whom
    it concerns RemovedFromShift, Blocked, NotEligible, ShiftsOverlap; then ShiftFull, RoleNeeded.
    """
    persons = list(dict.fromkeys([person_id, *family_ids]))
    if len(persons) > MOST_FAMILY + 1:
        raise InvalidFields.of("family_ids", f"最多与 {MOST_FAMILY} 位家人一起报名")
    async with transaction():
        await require_consent(person_id, ConsentKind.PRIVACY)
        for relative in sorted(persons):
            await hold_dependant(person_id, relative)
        role_id, allotment = await hold_times_and_places(person_id, shift_id, persons, shift_role_id)
        wanted = await read_wanted(person_id, role_id, persons)
        present = {each.comer.person_id: each.sign_up_id for each in wanted.candidates if each.sign_up_id}
        party = [each for each in persons if each not in present]
        if not party:
            return await get_sign_up(person_id, present[person_id])
        ensure_open(wanted)
        for each in wanted.candidates:
            if not each.sign_up_id:
                await ensure_may(each, wanted, signer_id=person_id)
        place = await take_for(allotment, party)
        made = [
            SignUp(
                place_id=place.id, shift_role_id=role_id, shift_id=shift_id, person_id=each, signed_up_by_id=person_id
            )
            for each in party
        ]
        is_in = place.state is PlaceState.CONFIRMED
        if party == [person_id]:
            view = await add_sign_up(made[0])
        else:
            await write_together(*made)
            if is_in:
                await part_party(place)
            view = await get_sign_up(person_id, present.get(person_id) or made[0].id)
        await notify({person_id, *party}, messages.SHIFT_CONFIRMED if is_in else messages.SHIFT_WAITING, shift=shift_id)
        return view


async def cancel_sign_up(person_id: str, sign_up_id: str, *, with_family: bool = False) -> SignUpView:
    """Give a sign-up, an offer or a wait up, `with_family` also those of the family in this shift; the next in line
    moves up, and those of a party who stay keep their turn.

    Giving up a confirmed place after the shift's deadline counts like not coming, unless the shift was given another
    time since. Cancelling twice changes nothing. Raises NotFound, ShiftStarted, WrongState.
    """
    async with transaction():
        mine = await _own(person_id, sign_up_id)
        going = [mine, *(await _family_of(person_id, mine) if with_family else [])]
        roles = await ShiftRole.filter(id__in={each.shift_role_id for each in going})
        # Several allotments are always locked in the order of their ids.
        for allotment_id in sorted(role.allotment_id for role in roles):
            await lock_allotment(allotment_id)
        for each in sorted(going, key=lambda each: each.id):
            await _cancel(each.id)
        return await get_sign_up(person_id, sign_up_id)


async def remove_sign_up(actor_id: str, sign_up_id: str, reason: str) -> ActivityView:
    """Take somebody out of a shift that is ahead, who is told why and cannot sign up for it again; the activity.

    Removing twice changes nothing. Raises NotFound, ShiftStarted.
    """
    async with transaction():
        found = await SignUp.get_or_none(id=sign_up_id).select_related("shift__activity")
        if found is None:
            raise NotFound()
        activity = found.shift.activity
        await require_organizer(actor_id, activity)
        _, sign_up, place = await _lock(sign_up_id)
        if not place.is_active:
            return await get_staff_activity(actor_id, activity.id)
        if clock.now() >= found.shift.starts_at:
            raise ShiftStarted("活动已开始，请在出勤中登记")
        ended = await _leave(sign_up, place, REMOVED, removed=True)
        await SignUp.filter(id=sign_up_id).update(removal_reason=reason)
        await submit_reason(REMOVAL, sign_up_id, actor_id, activity)
        await audit("remove_sign_up", actor_id, activity, sign_up=sign_up_id, person=sign_up.person_id)
        await tell_all([ended], messages.SIGN_UP_REMOVED, sign_up=sign_up_id, shift=sign_up.shift_id)
        return await get_staff_activity(actor_id, activity.id)


async def accept_shift_offer(person_id: str, sign_up_id: str) -> SignUpView:
    """Take the place that the waiting list offers, a party as a whole. Raises NotFound, OfferExpired, WrongState."""
    async with transaction():
        await _own(person_id, sign_up_id)
        _, mine, place = await _lock(sign_up_id)
        offered = place.state is PlaceState.OFFERED
        place = await accept_offer(place.id)
        if offered:
            people = await people_of([place.id])
            await part_party(place)
            await notify(people[place.id], messages.SHIFT_CONFIRMED, shift=mine.shift_id)
        return await get_sign_up(person_id, sign_up_id)


async def decline_shift_offer(person_id: str, sign_up_id: str) -> SignUpView:
    """Leave the offered place to the next in line. Raises NotFound, WrongState."""
    async with transaction():
        await _own(person_id, sign_up_id)
        _, mine, place = await _lock(sign_up_id)
        await decline_offer(place.id)
        await tell_all([place], messages.SIGN_UP_CANCELLED, shift=mine.shift_id, sign_up=mine.id)
        return await get_sign_up(person_id, sign_up_id)


async def tell_moved_up(places: list[Place]) -> None:
    """The waiting list gave these places of one shift, in the same transaction: tell those whom they concern."""
    shift_id = await _shift_of(places)
    people = await people_of(place.id for place in places)
    confirmed = {id_ for place in places if place.state is PlaceState.CONFIRMED for id_ in people.get(place.id, ())}
    await notify(confirmed, messages.SHIFT_MOVED_UP, shift=shift_id)
    for place in places:
        if place.state is PlaceState.OFFERED:
            await notify(people.get(place.id, ()), messages.SHIFT_OFFERED, shift=shift_id, until=place.offered_until)
        else:
            await part_party(place)


async def tell_lapsed(places: list[Place]) -> None:
    """Time ended these places of one shift, in the same transaction: tell those who had them."""
    shift_id = await _shift_of(places)
    expired = [place for place in places if place.end_reason == "offer_expired"]
    await tell_all(expired, messages.SHIFT_OFFER_EXPIRED, shift=shift_id)
    await tell_all([place for place in places if place not in expired], messages.SHIFT_NOT_REACHED, shift=shift_id)


async def move_sign_ups(from_id: str, into_id: str) -> None:
    """After two persons turned out to be one; runs after the places have moved, and follows them.

    Who stood in line twice, as one of a family and with another, does so once from now on.
    """
    doubled = await fetch(
        "SELECT gone.id FROM sign_up gone JOIN place p ON p.id = gone.place_id AND p.ended_at IS NULL "
        "JOIN sign_up kept ON kept.place_id = gone.place_id AND kept.person_id = $2 WHERE gone.person_id = $1",
        from_id,
        into_id,
    )
    await _leave_all(doubled, "merged")
    await execute(
        "UPDATE sign_up SET person_id = $2 WHERE person_id = $1 AND NOT EXISTS (SELECT 1 FROM sign_up kept "
        "WHERE kept.place_id = sign_up.place_id AND kept.person_id = $2)",
        from_id,
        into_id,
    )
    await execute("UPDATE sign_up SET signed_up_by_id = $2 WHERE signed_up_by_id = $1", from_id, into_id)
    doubled = await fetch(
        "SELECT id FROM (SELECT s.id, row_number() OVER (PARTITION BY s.shift_role_id ORDER BY p.state = 'waiting', "
        "p.number) AS nth FROM sign_up s JOIN place p ON p.id = s.place_id WHERE s.person_id = $1 "
        "AND p.state IN ('waiting', 'offered', 'confirmed')) AS active WHERE nth > 1 ORDER BY id",
        into_id,
    )
    await _leave_all(doubled, "merged")
    await execute(
        "UPDATE volunteer_skill SET person_id = $2 WHERE person_id = $1 AND NOT EXISTS (SELECT 1 "
        "FROM volunteer_skill kept WHERE kept.person_id = $2 AND kept.name = volunteer_skill.name)",
        from_id,
        into_id,
    )


async def leave_shifts_of_leaver(person_id: str) -> None:
    """The person is blocked, withdrew, or nobody speaks for them any longer: others get the places that are ahead.

    Somebody who is no longer a volunteer, but still here, leaves only what is for volunteers. In the caller's
    transaction; it counts as no no-show.
    """
    await lock_calendars([person_id])
    is_here = await fetch_value(
        "SELECT closed_at IS NULL AND EXISTS (SELECT 1 FROM consent c WHERE c.person_id = p.id "
        "AND c.withdrawn_at IS NULL AND c.kind IN ('privacy', 'guardian', 'on_behalf')) FROM person p WHERE p.id = $1",
        person_id,
    )
    stays_volunteer = is_here and await has_consent(person_id, ConsentKind.VOLUNTEER_TERMS)
    rows = await fetch(
        "SELECT s.id FROM sign_up s JOIN place p ON p.id = s.place_id JOIN shift sh ON sh.id = s.shift_id "
        "JOIN activity a ON a.id = sh.activity_id WHERE s.person_id = $1 AND sh.starts_at > $2 "
        "AND p.state IN ('waiting', 'offered', 'confirmed') AND (NOT $3 OR a.audience = 'volunteers' AND NOT $4) "
        "ORDER BY p.allotment_id",
        person_id,
        clock.now(),
        is_here,
        stays_volunteer,
    )
    await _leave_all(rows, "left")


async def _leave_all(sign_ups: Sequence[Any], reason: str) -> None:
    """End these sign-ups (rows with an `id`), one after the other, in the caller's transaction."""
    for row in sign_ups:
        _, sign_up, place = await _lock(row["id"])
        await _leave(sign_up, place, reason, removed=True)


async def role_of(shift_id: str, shift_role_id: str | None) -> ShiftRole:
    """The role asked for, or the only one, with its shift and activity. Raises RoleNeeded, NotFound."""
    roles = await ShiftRole.filter(shift_id=shift_id).select_related("shift__activity")
    if shift_role_id is None:
        if len(roles) > 1:
            raise RoleNeeded()
        return roles[0]
    for role in roles:
        if role.id == shift_role_id:
            return role
    raise NotFound()


async def take_for(allotment: Allotment, party: list[str]) -> Place:
    """One place in the locked allotment for all of them, confirmed or waiting. Raises ShiftFull, ShiftOff."""
    try:
        return await take(allotment, party[0], len(party))
    except PlacesFull as full:
        raise ShiftFull(full.detail) from full
    except PlacesClosed as closed:
        raise ShiftOff() from closed


async def _cancel(sign_up_id: str) -> None:
    allotment, sign_up, place = await _lock(sign_up_id)
    if not place.is_active:
        return
    shift = await Shift.get(id=sign_up.shift_id)
    now = clock.now()
    holds = place.state not in (PlaceState.WAITING, PlaceState.OFFERED)
    if holds and now >= shift.starts_at:
        raise ShiftStarted()
    was_moved = shift.moved_at is not None and sign_up.created_at < shift.moved_at
    is_late = holds and now > shift.cancel_until and not was_moved
    ended = await _leave(sign_up, place, "cancelled_late" if is_late else "cancelled")
    if is_late:
        await record_no_show(allotment, ended, NoShowReason.CANCELLED_LATE)
    event = messages.SIGN_UP_CANCELLED_LATE if is_late else messages.SIGN_UP_CANCELLED
    await tell_all([ended], event, shift=shift.id, sign_up=sign_up.id)


async def _leave(sign_up: SignUp, place: Place, reason: str, *, removed: bool = False) -> Place:
    """End this person's part of the place, whose allotment is locked; the place that it ended with."""
    if place.party_size == 1:
        return await leave_place(place.id, reason, removed=removed)
    heir = await SignUp.filter(place_id=place.id).exclude(id=sign_up.id).order_by("id").first()
    assert heir
    gone = await leave_party(place.id, sign_up.person_id, heir.person_id, reason, removed=removed)
    # Before the line is woken: then the rest of the party may get in, and is parted by its sign-ups.
    await SignUp.filter(id=sign_up.id).update(place_id=gone.id)
    await wake_line(place.allotment_id)
    return gone


async def _lock(sign_up_id: str) -> tuple[Allotment, SignUp, Place]:
    """The sign-up and its place once the allotment is locked: a party that gets in meanwhile is given other places."""
    allotment_id = await fetch_value(
        "SELECT r.allotment_id FROM sign_up s JOIN shift_role r ON r.id = s.shift_role_id WHERE s.id = $1", sign_up_id
    )
    allotment = await lock_allotment(allotment_id)
    sign_up = await SignUp.get(id=sign_up_id)
    return allotment, sign_up, await Place.get(id=sign_up.place_id)


async def _own(person_id: str, sign_up_id: str) -> SignUp:
    """A sign-up of the person's, or of somebody they look after. Raises NotFound."""
    found = await SignUp.get_or_none(id=sign_up_id)
    if found is None:
        raise NotFound()
    await require_dependant(person_id, found.person_id)
    return found


async def _family_of(person_id: str, mine: SignUp) -> list[SignUp]:
    """The other active sign-ups of this shift that are the person's, or of people they look after."""
    rows = await fetch(
        f"SELECT s.id FROM sign_up s JOIN place p ON p.id = s.place_id WHERE {ours('s.person_id')} AND s.shift_id = $2 "
        "AND s.id <> $3 AND p.ended_at IS NULL",
        person_id,
        mine.shift_id,
        mine.id,
    )
    return await SignUp.filter(id__in=[row["id"] for row in rows])


async def _shift_of(places: list[Place]) -> str:
    shift_id: str = (await ShiftRole.get(allotment_id=places[0].allotment_id)).shift_id
    return shift_id


async def open_sign_ups_of(person_id: str) -> list[OpenMatter]:
    """Shifts ahead for which the person has a place, or waits for one."""
    rows = await fetch(
        "SELECT a.title, sh.starts_at FROM sign_up s JOIN place p ON p.id = s.place_id "
        "JOIN shift sh ON sh.id = s.shift_id JOIN activity a ON a.id = sh.activity_id WHERE s.person_id = $1 "
        "AND sh.starts_at > $2 AND p.ended_at IS NULL ORDER BY sh.starts_at, s.id",
        person_id,
        clock.now(),
    )
    return [OpenMatter(MatterKind.SIGN_UP, row["title"], row["starts_at"]) for row in rows]


async def erase_volunteer(person_id: str) -> None:
    """What the person wrote, and what they told of themselves; who was to lead a shift ahead leads it no more."""
    await execute("DELETE FROM volunteer_skill WHERE person_id = $1", person_id)
    await execute("UPDATE no_show_appeal SET text = '' WHERE by_id = $1", person_id)
    await execute("UPDATE shift_rating SET text = '' WHERE by_id = $1", person_id)
    await execute("UPDATE shift SET leader_id = NULL WHERE leader_id = $1 AND starts_at > $2", person_id, clock.now())
