"""Who came and who did not, and the block that follows from not coming."""

from server import clock
from server.database import execute, fetch_value, transaction
from server.errors import WrongState
from server.places.errors import Blocked
from server.places.models import Allotment, Block, NoShow, NoShowReason, Place, PlaceState, Purpose
from server.places.rules import BLOCK_LASTS, NO_SHOWS_TO_BLOCK, NO_SHOWS_WITHIN
from server.places.service import lock_place


async def ensure_not_blocked(person_id: str, purpose: Purpose) -> None:
    """Raises Blocked while the person may take no new places of this purpose."""
    until = await fetch_value(
        "SELECT max(until) FROM block WHERE person_id = $1 AND purpose = $2 AND lifted_at IS NULL AND until > $3",
        person_id,
        str(purpose),
        clock.now(),
    )
    if until is not None:
        raise Blocked(f"因多次爽约，{clock.shanghai(until):%Y年%m月%d日 %H:%M} 之前不能报名或预约", until=until)


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
    """Count a no-show (or a cancellation past the deadline), in the caller's transaction; the second in 90 days blocks.

    No-shows that a block has already answered are not counted again.
    """
    now = clock.now()
    # Two no-shows of one person at the same time would each count only themselves: one person at a time.
    await execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 2))", place.person_id)
    no_show = await NoShow.create(
        person_id=place.person_id, purpose=allotment.purpose, place_id=place.id, reason=reason, happened_at=now
    )
    count = await fetch_value(
        "SELECT count(*) FROM no_show WHERE person_id = $1 AND purpose = $2 AND forgiven_at IS NULL "
        "AND happened_at > GREATEST($3, (SELECT max(created_at) FROM block WHERE person_id = $1 AND purpose = $2 "
        "AND lifted_at IS NULL))",
        place.person_id,
        str(allotment.purpose),
        now - NO_SHOWS_WITHIN,
    )
    if count >= NO_SHOWS_TO_BLOCK:
        await Block.create(
            person_id=place.person_id,
            purpose=allotment.purpose,
            until=now + BLOCK_LASTS,
            reason="no_shows",
            no_show_id=no_show.id,
        )


async def forgive_no_show(place_id: str) -> None:
    """This no-show no longer counts, and a block that it brought about ends."""
    async with transaction():
        no_show_id = await fetch_value(
            "UPDATE no_show SET forgiven_at = $2 WHERE place_id = $1 AND forgiven_at IS NULL RETURNING id",
            place_id,
            clock.now(),
        )
        if no_show_id:
            await execute(
                "UPDATE block SET lifted_at = $2 WHERE no_show_id = $1 AND lifted_at IS NULL", no_show_id, clock.now()
            )
