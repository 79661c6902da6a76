"""Who comes second reads what the first has done, though it was not committed when they asked."""

from datetime import timedelta
from typing import Any

import pytest

from server.foundation.ids import decode_id
from server.foundation.rows import lock_row
from server.neighbor_center.bookings.booking import Wanted, book, cancel_booking
from server.neighbor_center.bookings.kinds import ROOMS, SLOTS
from server.organizations.models import Organization
from server.places import line
from server.places.models import Allotment
from tests.builders import create_resident, create_staff, told
from tests.clients import Api
from tests.held import while_held
from tests.neighbor_center.builders import TUESDAY, at, create_room, create_service, moment
from tests.neighbor_center.builders import book as book_by_phone


async def test_a_series_finds_the_last_place_taken(api: Api, community: Organization) -> None:
    service = await create_service(community, capacity=2, max_repeats=8)
    first, second, third = [await create_resident(api, community) for _ in range(3)]
    await book_by_phone(first, service)
    wanted = Wanted(actor_id=second.person_id, person_id=second.person_id, starts_at=moment("09:00"))
    body = {"starts_at": at("09:00"), "times": 2}
    refused = await while_held(
        lambda: book(SLOTS, service.id, wanted),
        lambda: third.refused("POST", f"/services/{service.id}/booking-series", body, code="series_not_possible"),
    )
    assert [one["code"] for one in refused["occurrences"]] == ["places_full"]


async def test_a_request_that_is_being_taken_back_is_not_refused(api: Api, community: Organization) -> None:
    room = await create_room(community, needs_approval=True)
    staff = await create_staff(api, community)
    first, second = await create_resident(api, community), await create_resident(api, community)
    body = {"starts_at": at("09:00"), "ends_at": at("10:00")}
    asked, other = [await each.post(f"/services/{room.id}/room-bookings", body, expect=201) for each in (first, second)]
    await while_held(
        lambda: cancel_booking(ROOMS, second.person_id, other["id"]),
        lambda: staff.post(f"/staff/room-bookings/{asked['id']}/approve"),
    )
    assert (await second.get(f"/room-bookings/{other['id']}"))["state"] == "cancelled"
    assert "room_refused" not in await told(second)
    assert (await first.get(f"/room-bookings/{asked['id']}"))["state"] == "booked"


async def test_a_series_is_given_up_in_the_order_of_its_allotments(
    api: Api, community: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in that of its bookings: somebody who moves between the same slots takes them so."""
    service = await create_service(community, capacity=2, max_repeats=8)
    first, second = await create_resident(api, community), await create_resident(api, community)
    await book_by_phone(second, service, day=TUESDAY + timedelta(weeks=1))
    body = {"starts_at": at("09:00"), "times": 2}
    series = await first.post(f"/services/{service.id}/booking-series", body, expect=201)
    locked, lock = list[str](), lock_row

    async def lock_and_note(model: Any, row_id: str) -> Any:
        if model is Allotment:
            locked.append(row_id)
        return await lock(model, row_id)

    monkeypatch.setattr(line, "lock_row", lock_and_note)
    await first.post(f"/booking-series/{series['id']}/cancel")
    taken = list(dict.fromkeys(locked))
    assert len(taken) == 2
    assert taken == sorted(taken, key=decode_id)
