"""Who came and who did not, and the block that follows from not coming."""

from datetime import datetime

from server.foundation import clock
from server.foundation.database import execute, fetch_one, fetch_value, transaction
from server.foundation.errors import WrongState
from server.notifications.telling import notify
from server.places import messages
from server.places.errors import Blocked
from server.places.line import lock_place
from server.places.models import Allotment, Block, NoShow, NoShowReason, Place, PlaceState, Purpose
from server.places.rules import NO_SHOW_RULES


async def ensure_not_blocked(person_id: str, purpose: Purpose) -> None:
    """Raises Blocked while the person may take no new places of this purpose."""
    refuse_blocked(await blocked_until(person_id, purpose))


def refuse_blocked(until: datetime | None) -> None:
    """Raises Blocked where there is such a time."""
    if until is not None:
        raise Blocked(f"因多次爽约，{clock.shanghai(until):%Y年%m月%d日 %H:%M} 之前不能报名或预约", until=until)


def blocked(person: str, purpose: Purpose, now: str) -> str:
    """SQL: until when the person may take no new places of this purpose; null when they may."""
    return (
        f"(SELECT max(until) FROM block WHERE person_id = {person} AND purpose = '{purpose}' AND lifted_at IS NULL "
        f"AND until > {now})"
    )


async def blocked_until(person_id: str, purpose: Purpose) -> datetime | None:
    """Until when the person may take no new places of this purpose; None when they may."""
    until: datetime | None = await fetch_value(f"SELECT {blocked('$1', purpose, '$2')}", person_id, clock.now())
    return until


async def mark_attended(place_id: str) -> Place:
    """The holder came. Also corrects a no-show, which then no longer counts. Raises WrongState."""
    async with transaction():
        _, place = await lock_place(place_id)
        if place.state is PlaceState.ATTENDED:
            return place
        if place.state not in (PlaceState.CONFIRMED, PlaceState.NO_SHOW):
            raise WrongState()
        if place.state is PlaceState.NO_SHOW:
            await forgive_no_show(place_id)
        place.state = PlaceState.ATTENDED
        await place.save(update_fields=["state"])
        return place


async def mark_no_show(place_id: str) -> Place:
    """Nobody came. Counts towards a block. Raises WrongState unless the place is confirmed.

    Mark places of one allotment per transaction: marking ends with a lock on the person, and another may hold it who
    waits for the second allotment.
    """
    async with transaction():
        allotment, place = await lock_place(place_id)
        if place.state is PlaceState.NO_SHOW:
            return place
        if place.state is not PlaceState.CONFIRMED:
            raise WrongState()
        place.state = PlaceState.NO_SHOW
        await place.save(update_fields=["state"])
        await record_no_show(allotment, place, NoShowReason.ABSENT)
        return place


async def record_no_show(allotment: Allotment, place: Place, reason: NoShowReason) -> None:
    """Count a no-show (or a cancellation past the deadline), in the caller's transaction; see rules.NO_SHOW_RULES for
    how many block.

    No-shows that a block has already answered are not counted again.
    """
    await _count(NoShow(person_id=place.person_id, purpose=allotment.purpose, place_id=place.id, reason=reason))


async def record_absence(person_id: str, purpose: Purpose, subject_id: str, reason: NoShowReason) -> None:
    """The same for something that is not handed out as places: `subject_id` is what was missed."""
    await _count(NoShow(person_id=person_id, purpose=purpose, subject_id=subject_id, reason=reason))


async def _count(no_show: NoShow) -> None:
    no_show.happened_at = now = clock.now()
    rule = NO_SHOW_RULES[no_show.purpose]
    # Two no-shows of one person at the same time would each count only themselves: one person at a time.
    await execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 2))", no_show.person_id)
    await no_show.save(force_create=True)
    count = await fetch_value(
        "SELECT count(*) FROM no_show WHERE person_id = $1 AND purpose = $2 AND forgiven_at IS NULL "
        "AND happened_at > GREATEST($3, (SELECT max(created_at) FROM block WHERE person_id = $1 AND purpose = $2 "
        "AND lifted_at IS NULL))",
        no_show.person_id,
        str(no_show.purpose),
        now - rule.within,
    )
    if count >= rule.to_block:
        await Block.create(
            person_id=no_show.person_id,
            purpose=no_show.purpose,
            until=now + rule.lasts,
            reason="no_shows",
            no_show_id=no_show.id,
        )
        await notify(
            no_show.person_id, messages.BLOCKED, purpose=str(no_show.purpose), count=count, until=now + rule.lasts
        )


async def forgive_no_show(place_id: str) -> None:
    """This no-show no longer counts, and a block that rests on it ends."""
    await _forgive("place_id", place_id)


async def forgive_absence(subject_id: str) -> None:
    """The same for what has no place."""
    await _forgive("subject_id", subject_id)


async def _forgive(column: str, value: str) -> None:
    async with transaction():
        forgiven = await fetch_one(
            f"UPDATE no_show SET forgiven_at = $2 WHERE {column} = $1 AND forgiven_at IS NULL "
            "RETURNING person_id, purpose",
            value,
            clock.now(),
        )
        if forgiven is None:
            return
        rule = NO_SHOW_RULES[Purpose(forgiven["purpose"])]
        # A block ends when too few of the no-shows that it answered are left, whichever of them was forgiven.
        await execute(
            "UPDATE block SET lifted_at = $3 WHERE person_id = $1 AND purpose = $2 AND lifted_at IS NULL "
            "AND until > $3 AND (SELECT count(*) FROM no_show n WHERE n.person_id = $1 AND n.purpose = $2 "
            "AND n.forgiven_at IS NULL AND n.happened_at <= block.created_at "
            "AND n.happened_at > GREATEST(block.created_at - $4::interval, "
            "(SELECT max(earlier.created_at) FROM block earlier WHERE earlier.person_id = $1 AND earlier.purpose = $2 "
            "AND earlier.lifted_at IS NULL AND earlier.created_at < block.created_at))) < $5",
            forgiven["person_id"],
            forgiven["purpose"],
            clock.now(),
            rule.within,
            rule.to_block,
        )
