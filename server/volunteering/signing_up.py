"""Signing up for a shift, giving it up, and what happens in the waiting list meanwhile."""

from server import clock
from server.database import execute, fetch, fetch_one, transaction
from server.errors import NotFound
from server.notifications.service import notify
from server.places.errors import PlacesClosed, PlacesFull
from server.places.models import NoShowReason, Place, PlaceState, Purpose
from server.places.no_shows import ensure_not_blocked, record_no_show
from server.places.service import accept_offer, decline_offer, leave_place, lock_place, take_place
from server.volunteering.errors import (
    RoleNeeded,
    ShiftFull,
    ShiftOff,
    ShiftsOverlap,
    ShiftStarted,
    SignUpClosed,
    SignUpNotOpen,
)
from server.volunteering.models import Activity, ActivityState, Shift, ShiftRole, ShiftState, SignUp
from server.volunteering.queries import require_visible_shift
from server.wechat.message_fields import render_time


async def sign_up(person_id: str, shift_id: str, shift_role_id: str | None = None) -> str:
    """A place in the shift, or in its waiting list; the sign-up's id. The same tap twice gives the same sign-up.

    `shift_role_id` may be left out where the shift has one role. Raises NotFound, ShiftOff, SignUpNotOpen,
    SignUpClosed, Blocked, ShiftsOverlap, ShiftFull, RoleNeeded.
    """
    async with transaction():
        # Two sign-ups of one person for overlapping shifts at the same time would not see each other: one person at a
        # time. Taken before the allotment's lock, always.
        await execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 1))", person_id)
        await require_visible_shift(person_id, shift_id)
        role = await _role(shift_id, shift_role_id)
        if mine := await SignUp.get_or_none(shift_role_id=role.id, person_id=person_id, place__ended_at=None):
            return mine.id
        shift = await Shift.get(id=shift_id).select_related("activity")
        _ensure_open(shift)
        await ensure_not_blocked(person_id, Purpose.SHIFT_ROLE)
        await _ensure_free_time(person_id, shift)
        try:
            place = await take_place(role.allotment_id, person_id)
        except PlacesFull as full:
            raise ShiftFull() from full
        except PlacesClosed as closed:
            raise ShiftOff() from closed
        made = await SignUp.create(
            place_id=place.id,
            shift_role_id=role.id,
            shift_id=shift_id,
            person_id=person_id,
            signed_up_by_id=person_id,
        )
        event = "shift_confirmed" if place.state is PlaceState.CONFIRMED else "shift_waiting"
        await notify(person_id, event, shift=shift_id)
        return made.id


async def cancel_sign_up(person_id: str, sign_up_id: str) -> None:
    """Give a sign-up, an offer or a wait up; the next in line moves up.

    Giving up a confirmed place after the shift's deadline counts like not coming. Cancelling twice changes nothing.
    Raises NotFound, ShiftStarted.
    """
    async with transaction():
        mine = await _own(person_id, sign_up_id)
        allotment, place = await lock_place(mine.place_id)
        if not place.is_active:
            return
        shift = await Shift.get(id=mine.shift_id)
        now = clock.now()
        holds = place.state not in (PlaceState.WAITING, PlaceState.OFFERED)
        if holds and now >= shift.starts_at:
            raise ShiftStarted()
        late = holds and now > shift.cancel_until
        place = await leave_place(place.id, "cancelled_late" if late else "cancelled")
        if late:
            await record_no_show(allotment, place, NoShowReason.CANCELLED_LATE)
        await notify(mine.person_id, "sign_up_cancelled_late" if late else "sign_up_cancelled", shift=mine.shift_id)


async def accept_shift_offer(person_id: str, sign_up_id: str) -> None:
    """Take the place that the waiting list offers. Raises NotFound, OfferExpired, WrongState."""
    async with transaction():
        mine = await _own(person_id, sign_up_id)
        _, place = await lock_place(mine.place_id)
        offered = place.state is PlaceState.OFFERED
        await accept_offer(mine.place_id)
        if offered:
            await notify(mine.person_id, "shift_confirmed", shift=mine.shift_id)


async def decline_shift_offer(person_id: str, sign_up_id: str) -> None:
    """Leave the offered place to the next in line. Raises NotFound, WrongState."""
    async with transaction():
        mine = await _own(person_id, sign_up_id)
        await decline_offer(mine.place_id)
        await notify(mine.person_id, "sign_up_cancelled", shift=mine.shift_id)


async def tell_moved_up(places: list[Place]) -> None:
    """The waiting list gave these places of one shift, in the same transaction: tell their holders."""
    shift_id = await _shift_of(places)
    confirmed = [place.person_id for place in places if place.state is PlaceState.CONFIRMED]
    await notify(confirmed, "shift_moved_up", shift=shift_id)
    for place in places:
        if place.state is PlaceState.OFFERED:
            await notify(place.person_id, "shift_offered", shift=shift_id, until=place.offered_until)


async def tell_lapsed(places: list[Place]) -> None:
    """Time ended these places of one shift, in the same transaction: tell those who had them."""
    shift_id = await _shift_of(places)
    expired = {place.person_id for place in places if place.end_reason == "offer_expired"}
    await notify(expired, "shift_offer_expired", shift=shift_id)
    await notify({place.person_id for place in places} - expired, "shift_not_reached", shift=shift_id)


async def move_sign_ups(from_id: str, into_id: str) -> None:
    """After two persons turned out to be one; runs after the places have moved, and follows them."""
    for table in ("sign_up", "shift_scan"):
        await execute(f"UPDATE {table} SET person_id = $2 WHERE person_id = $1", from_id, into_id)
    # Where both were credited for the same minutes, the second credit stays behind.
    await execute(
        "UPDATE attendance SET person_id = $2 WHERE person_id = $1 AND (confirmed_at IS NULL OR NOT EXISTS (SELECT 1 "
        "FROM attendance own WHERE own.person_id = $2 AND own.confirmed_at IS NOT NULL "
        "AND tstzrange(own.credited_from, own.credited_until) "
        "&& tstzrange(attendance.credited_from, attendance.credited_until)))",
        from_id,
        into_id,
    )


async def _role(shift_id: str, shift_role_id: str | None) -> ShiftRole:
    roles = await ShiftRole.filter(shift_id=shift_id)
    if shift_role_id is None:
        if len(roles) > 1:
            raise RoleNeeded()
        return roles[0]
    for role in roles:
        if role.id == shift_role_id:
            return role
    raise NotFound()


def _ensure_open(shift: Shift) -> None:
    """Raises ShiftOff, SignUpNotOpen, SignUpClosed."""
    activity: Activity = shift.activity
    if activity.state is not ActivityState.PUBLISHED or shift.state is not ShiftState.SCHEDULED:
        raise ShiftOff()
    now = clock.now()
    if now < shift.sign_up_opens_at:
        opens = shift.sign_up_opens_at
        raise SignUpNotOpen(f"报名将于 {render_time(opens)} 开始", opens_at=opens)
    if now >= shift.sign_up_closes_at:
        raise SignUpClosed(f"报名已于 {render_time(shift.sign_up_closes_at)} 截止")


async def _ensure_free_time(person_id: str, shift: Shift) -> None:
    """Raises ShiftsOverlap when the person has, waits for or is offered a place at the same time.

    Half-open: back-to-back is fine. Waiting counts too: it may turn into a place without asking again.
    """
    other = await fetch_one(
        "SELECT s.id, a.title, sh.starts_at, sh.ends_at FROM sign_up s JOIN place p ON p.id = s.place_id "
        "JOIN shift sh ON sh.id = s.shift_id JOIN activity a ON a.id = sh.activity_id "
        "WHERE s.person_id = $1 AND p.state IN ('waiting', 'offered', 'confirmed') AND sh.state = 'scheduled' "
        "AND sh.starts_at < $3 AND $2 < sh.ends_at ORDER BY sh.starts_at LIMIT 1",
        person_id,
        shift.starts_at,
        shift.ends_at,
    )
    if other:
        end = clock.shanghai(other["ends_at"])
        raise ShiftsOverlap(
            f"与您已报名的“{other['title']}”（{render_time(other['starts_at'])} 至 {end:%H:%M}）时间重叠",
            sign_up_id=other["id"],
        )


async def _own(person_id: str, sign_up_id: str) -> SignUp:
    """The person's own sign-up, or one they made for somebody. Raises NotFound."""
    found = await SignUp.get_or_none(id=sign_up_id)
    if found is None or person_id not in (found.person_id, found.signed_up_by_id):
        raise NotFound()
    return found


async def _shift_of(places: list[Place]) -> str:
    rows = await fetch("SELECT shift_id FROM shift_role WHERE allotment_id = $1", places[0].allotment_id)
    shift_id: str = rows[0]["shift_id"]
    return shift_id
