"""Random histories of one allotment, compared step by step with a plain model in memory."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.foundation import clock
from server.foundation.database import fetch
from server.foundation.errors import Refusal
from server.foundation.ids import new_id
from server.places import taking
from server.places.models import Place
from tests.places.builders import create_allotment

HOUR = timedelta(hours=1)


@dataclass(eq=False)
class ModelPlace:
    """What the model remembers of a place."""

    size: int
    state: str = "waiting"
    until: datetime | None = None
    passes: int = 0
    held_until: datetime | None = None
    hold_used: bool = False


@dataclass
class Model:
    """The rules once more, without locks, numbers or a database: a list in the order of arrival."""

    capacity: int
    starts_at: datetime
    places: list[ModelPlace] = field(default_factory=list)

    @property
    def free(self) -> int:
        return self.capacity - sum(place.size for place in self.places if place.state in ("offered", "confirmed"))

    def take(self, size: int, now: datetime) -> None:
        if size > self.capacity:
            return
        place = ModelPlace(size)
        self.places.append(place)
        self.fill(now, newcomer=place)

    def end(self, place: ModelPlace, state: str, now: datetime) -> None:
        place.state, place.until, place.held_until = state, None, None
        self.fill(now)

    def shrink(self, place: ModelPlace, now: datetime) -> None:
        """One of a party leaves; their own place comes last, and is over."""
        place.size -= 1
        self.places.append(ModelPlace(1, "cancelled"))
        self.fill(now)

    def part(self, place: ModelPlace) -> None:
        """A party that is in becomes single places."""
        self.places += [ModelPlace(1, "confirmed") for _ in range(place.size - 1)]
        place.size = 1

    def fill(self, now: datetime, newcomer: ModelPlace | None = None) -> None:
        """One walk along the line: a run of gifts, or the beginning of a hold."""
        if now >= self.starts_at:
            return
        line = [place for place in self.places if place.state == "waiting"]
        free = self.free
        given: list[ModelPlace] = []
        stepped_over: list[ModelPlace] = []
        overtaken: list[ModelPlace] = []
        wants_hold: ModelPlace | None = None
        for place in line:
            if free <= 0:
                break
            if place.size <= free:
                if wants_hold:
                    wants_hold.held_until = min(now + 12 * HOUR, self.starts_at)
                    break
                given.append(place)
                free -= place.size
                overtaken += [group for group in stepped_over if group not in overtaken]
            elif place.held_until:
                break
            elif place.hold_used or place.size > self.capacity:
                pass
            elif place.passes >= 3:
                wants_hold = wants_hold or place
            else:
                stepped_over.append(place)
        for group in overtaken:
            group.passes += 1
        soon = self.starts_at - now <= 24 * HOUR
        for place in given:
            place.held_until = None
            if soon and place is not newcomer:
                place.state, place.until = "offered", min(now + 2 * HOUR, self.starts_at)
            else:
                place.state = "confirmed"

    def pass_time(self, now: datetime) -> None:
        for place in self.places:
            if place.state == "offered" and place.until and place.until <= now:
                place.state, place.until = "expired", None
            elif place.state == "waiting" and now >= self.starts_at:
                place.state, place.held_until = "expired", None
            elif place.state == "waiting" and place.held_until and place.held_until <= now:
                place.held_until, place.hold_used = None, True
        self.fill(now)


def random_history(chance: random.Random, length: int) -> list[tuple[str, int]]:
    """A full house with a line behind it, in which groups stand, and then a life of `length` steps."""
    sizes = chance.choices([1, 2, 3], [6, 2, 1], k=chance.randint(0, 14))
    verbs = chance.choices(
        ["take", "leave", "give_up", "accept", "decline", "shrink", "part", "capacity", "hours"],
        [8, 10, 1, 3, 2, 2, 2, 1, 2],
        k=length,
    )
    amounts: dict[str, Callable[[], int]] = {
        "take": lambda: chance.choices([1, 2, 3], [6, 2, 1])[0],
        "capacity": lambda: chance.randint(0, 7),
        "hours": lambda: chance.choice([1, 2, 6, 14]),
    }
    return [("take", size) for size in sizes] + [
        (verb, amounts.get(verb, lambda: chance.randrange(1000))()) for verb in verbs
    ]


VERBS: dict[str, tuple[str, Callable[[str], Awaitable[Place]]]] = {
    "leave": ("confirmed", taking.leave_place),
    "give_up": ("waiting", taking.leave_place),
    "accept": ("offered", taking.accept_offer),
    "decline": ("offered", taking.decline_offer),
}
"""Verb → the state of the place it is done to, and the service's."""


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    seed=st.integers(0, 2**32),
    capacity=st.integers(1, 6),
    hours=st.sampled_from([12, 60, 400]),
    length=st.integers(1, 50),
)
async def test_random_histories_agree_with_the_model(
    app: Any, seed: int, capacity: int, hours: int, length: int
) -> None:
    allotment = await create_allotment(capacity, starts_in=hours * HOUR)
    assert allotment.starts_at
    model = Model(capacity, allotment.starts_at)
    ids: list[str] = []
    moved = timedelta()
    try:
        for verb, number in random_history(random.Random(seed), length):
            now = clock.now()
            if verb == "hours":
                moved += number * HOUR
                clock.move_clock(moved)
                await taking.SETTLE_DUE_PLACES.run()
                model.pass_time(clock.now())
            elif verb == "capacity":
                await taking.change_capacity(allotment.id, number)
                model.capacity = number
                model.fill(now)
            elif verb == "take":
                before = len(model.places)
                if now < allotment.starts_at:
                    model.take(number, now)
                    try:
                        ids.append((await taking.take_place(allotment.id, new_id(), number)).id)
                    except Refusal:
                        assert len(model.places) == before
            elif verb in ("shrink", "part"):
                states = ("waiting", "offered") if verb == "shrink" else ("confirmed",)
                parties = [
                    index for index, place in enumerate(model.places) if place.state in states and place.size > 1
                ]
                if not parties:
                    continue
                index = parties[number % len(parties)]
                await (_shrink if verb == "shrink" else _part)(ids[index], ids)
                if verb == "shrink":
                    model.shrink(model.places[index], now)
                else:
                    model.part(model.places[index])
            else:
                state, act = VERBS[verb]
                possible = [index for index, place in enumerate(model.places) if place.state == state]
                if not possible:
                    continue
                index = possible[number % len(possible)]
                await act(ids[index])
                if verb == "accept":
                    model.places[index].state = "confirmed"
                else:
                    model.end(model.places[index], "cancelled", now)
            await _assert_same(model, allotment.id)
    finally:
        clock.move_clock(timedelta())
    assert len(ids) == await Place.filter(allotment_id=allotment.id).count()


async def _shrink(place_id: str, ids: list[str]) -> None:
    place = await Place.get(id=place_id)
    # The head leaves, or somebody else of the party does.
    leaver, heir = (place.person_id, new_id()) if place.number % 2 else (new_id(), place.person_id)
    ids.append((await taking.leave_party(place_id, leaver, heir)).id)
    await taking.wake_line(place.allotment_id)


async def _part(place_id: str, ids: list[str]) -> None:
    place = await Place.get(id=place_id)
    parted = await taking.split_party(place_id, [new_id() for _ in range(place.party_size - 1)])
    ids += [each.id for each in parted.values()]


async def _assert_same(model: Model, allotment_id: str) -> None:
    rows = await fetch(
        "SELECT p.state, p.party_size, p.passed_count, (SELECT count(*) FROM place_pass x WHERE x.place_id = p.id) "
        "AS passes, p.held_until IS NOT NULL AS held, p.hold_used, a.taken, a.capacity FROM place p "
        "JOIN allotment a ON a.id = p.allotment_id WHERE a.id = $1 ORDER BY p.number",
        allotment_id,
    )
    assert [(row["state"], row["party_size"], row["passed_count"], row["held"], row["hold_used"]) for row in rows] == [
        (place.state, place.size, place.passes, place.held_until is not None, place.hold_used) for place in model.places
    ]
    assert all(row["passes"] == row["passed_count"] for row in rows), "every pass is written down"
    if rows:
        assert rows[0]["capacity"] - rows[0]["taken"] == model.free
