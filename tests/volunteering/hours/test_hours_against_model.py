"""Random histories of one person's hours, compared step by step with a plain model that counts minutes one by one."""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.foundation import clock
from server.foundation.database import fetch_value
from server.foundation.errors import Refusal
from server.organizations.models import Organization, RoleKind
from server.places.models import Place, PlaceState
from server.volunteering.hours import confirming
from server.volunteering.hours.confirming import ConfirmedPerson
from server.volunteering.hours.models import Hours
from server.volunteering.models import Shift, ShiftRole, SignUp
from tests.builders import create_person, create_staff, grant, move_clock_to
from tests.clients import Api
from tests.volunteering.attendance.builders import shanghai_time
from tests.volunteering.builders import create_people, publish_shift

MINUTE = timedelta(minutes=1)
ACTORS = ("staff", "colleague", "manager", "higher")
SHIFTS = 4


@dataclass(eq=False)
class Row:
    """What the model remembers of a row of hours: which minutes, counted from the first midnight."""

    shift: int
    minutes: range
    state: str
    needs: str | None
    by: str
    replaces: "Row | None" = None


@dataclass
class Model:
    """The rules once more, on sets of minutes."""

    spans: list[range]
    rows: list[Row] = field(default_factory=list)
    late: bool = False

    def open_row(self, shift: int, *states: str) -> Row | None:
        return next((row for row in self.rows if row.shift == shift and row.state in states), None)

    def confirm(self, actor: str, shift: int, wanted: int) -> str | None:
        if self.open_row(shift, "waiting", "effective"):
            return None
        span = self.spans[shift]
        return self.state(actor, shift, range(span.start, span.start + min(wanted, len(span))), None)

    def correct(self, actor: str, row: Row, wanted: int) -> str | None:
        if row.state != "effective":
            return "wrong_state"
        if self.open_row(row.shift, "waiting"):
            return "correction_waiting"
        span = self.spans[row.shift]
        count = min(wanted, len(span))
        begin = min(row.minutes.start, span.stop - count)
        return self.state(actor, row.shift, range(begin, begin + count), row)

    def state(self, actor: str, shift: int, minutes: range, old: Row | None) -> str | None:
        others = [row for row in self.rows if row.shift != shift and row.state in ("waiting", "effective")]
        if any(set(minutes) & set(row.minutes) for row in others):
            return "minutes_credited_already"
        that_day = [minute // 1440 for span in [minutes, *(row.minutes for row in others)] for minute in span]
        fullest = max((that_day.count(day) for day in {minute // 1440 for minute in minutes}), default=0)
        needs = None if fullest <= 480 else "community" if fullest <= 720 else "subdistrict"
        more = old is None or len(minutes) > len(old.minutes)
        if not more or (actor == "higher" and needs) or (actor == "manager" and needs == "community"):
            needs = None
        if self.late and more:
            needs = needs or "second_person"
        row = Row(shift, minutes, "waiting", needs, actor, old)
        self.rows.append(row)
        if needs is None:
            self.take_effect(row)
        return None

    def decide(self, actor: str, row: Row, approve: bool) -> str | None:
        if row.needs is None:
            return "impossible"
        may = {"second_person": ACTORS, "community": ("manager", "higher"), "subdistrict": ("higher",)}[row.needs]
        if actor not in may or actor == row.by:
            return "wrong_approver"
        if row.state != "waiting":
            return "wrong_state"
        if approve:
            self.take_effect(row)
        else:
            row.state = "refused"
        return None

    def take_effect(self, row: Row) -> None:
        if row.replaces:
            row.replaces.state = "replaced"
        row.state = "effective"

    @property
    def total(self) -> int:
        counted = [minute for row in self.rows if row.state == "effective" for minute in row.minutes]
        assert len(counted) == len(set(counted)), "a minute counted twice"
        return len(counted)


class City:
    """Four shifts of a community, whose times each example changes, and those who confirm."""

    def __init__(self, actors: dict[str, str], shift_ids: list[str], midnight: datetime) -> None:
        self.actors, self.shift_ids, self.midnight = actors, shift_ids, midnight

    async def newcomer(self, spans: list[range]) -> tuple[str, list[str]]:
        """A person with a place in each shift, at whatever time: the service would not let one sign up for some."""
        person = await create_person()
        sign_ups = []
        for shift_id, span in zip(self.shift_ids, spans, strict=True):
            begin, end = self.midnight + span.start * MINUTE, self.midnight + span.stop * MINUTE
            opens = begin - timedelta(days=30)
            await Shift.filter(id=shift_id).update(
                starts_at=begin, ends_at=end, sign_up_opens_at=opens, sign_up_closes_at=begin, cancel_until=begin
            )
            role = await ShiftRole.get(shift_id=shift_id)
            number = (await fetch_value("SELECT count(*) FROM place WHERE allotment_id = $1", role.allotment_id)) + 1
            place = await Place.create(
                allotment_id=role.allotment_id, person_id=person.id, state=PlaceState.CONFIRMED, number=number
            )
            made = await SignUp.create(
                place_id=place.id,
                shift_role_id=role.id,
                shift_id=shift_id,
                person_id=person.id,
                signed_up_by_id=person.id,
            )
            sign_ups.append(made.id)
        return person.id, sign_ups


@pytest.fixture
async def city(api: Api) -> City:
    people = await create_people(api)
    subdistrict = await Organization.get(id=people.community.parent_id)
    actors = {
        "staff": people.staff.person_id,
        "colleague": (await create_staff(api, people.community)).person_id,
    }
    for name, where in (("manager", people.community), ("higher", subdistrict)):
        person = await create_person()
        await grant(person, where, RoleKind.MANAGER)
        actors[name] = person.id
    shift_ids = [await publish_shift(people, timedelta(days=40), capacity=1000) for _ in range(SHIFTS)]
    return City(actors, shift_ids, shanghai_time(3, 0))


def random_span(chance: random.Random) -> range:
    """Some time of the first two days, often long and often over midnight."""
    begin = chance.choice([0, 300, 480, 720, 1140, 1320]) + chance.randrange(0, 300, 15)
    return range(begin, begin + chance.choice([15, 60, 120, 300, 480, 600, 780, 1000]))


@settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32), length=st.integers(8, 24))
async def test_random_histories_agree_with_the_model(city: City, seed: int, length: int) -> None:
    """Each refusal, each state, and the sum in the service record."""
    chance = random.Random(seed)
    spans = [random_span(chance) for _ in range(SHIFTS)]
    model = Model(spans)
    clock.move_clock(timedelta())
    person_id, sign_ups = await city.newcomer(spans)
    rows: dict[int, str] = {}
    move_clock_to(city.midnight + timedelta(days=4))
    for _ in range(length):
        verb = chance.choices(["confirm", "correct", "approve", "refuse", "week"], [8, 5, 5, 1, 1])[0]
        actor, wanted = chance.choice(ACTORS), chance.choice([0, 30, 200, 480, 481, 721, 1440, 1440])
        said: Any = None
        if verb == "week":
            model.late = True
            move_clock_to(city.midnight + timedelta(days=11))
            continue
        if verb == "confirm":
            shift = chance.randrange(SHIFTS)
            expected = model.confirm(actor, shift, wanted)
            stated = ConfirmedPerson(sign_up_id=sign_ups[shift], minutes=wanted, reason="补录")
            said = confirming.confirm_attendance(city.actors[actor], city.shift_ids[shift], [stated])
        else:
            possible = [n for n, row in enumerate(model.rows) if verb == "correct" or row.needs]
            if not possible:
                continue
            waiting = [n for n in possible if model.rows[n].state == "waiting"]
            effective = [n for n in possible if model.rows[n].state == "effective"]
            wished = effective if verb == "correct" else waiting
            index = chance.choice(wished if wished and chance.random() < 0.8 else possible)
            if verb == "correct":
                expected = model.correct(actor, model.rows[index], wanted)
                said = confirming.correct_hours(city.actors[actor], rows[index], wanted, "更正")
            elif verb == "approve":
                row = model.rows[index]
                if row.state == "effective":
                    continue  # approving twice is fine for the one who did, and tested elsewhere
                expected = model.decide(actor, row, True)
                said = confirming.approve_hours(city.actors[actor], rows[index])
            else:
                expected = model.decide(actor, model.rows[index], False)
                said = confirming.refuse_hours(city.actors[actor], rows[index], "不符")
        try:
            await said
            refusal = None
        except Refusal as refused:
            refusal = refused.code
        assert refusal == expected, f"{verb} by {actor}"
        found = await Hours.filter(person_id=person_id).order_by("id")
        assert len(found) == len(model.rows)
        for number, (kept, row) in enumerate(zip(found, model.rows, strict=True)):
            rows[number] = kept.id
            begin = (kept.starts_at - city.midnight) // MINUTE
            assert (kept.state, kept.needs, range(begin, begin + kept.minutes)) == (row.state, row.needs, row.minutes)
            span = spans[row.shift]
            assert span.start <= begin
            assert begin + kept.minutes <= span.stop
        total = await fetch_value(
            "SELECT COALESCE(sum(minutes), 0)::int FROM service_entry WHERE person_id = $1", person_id
        )
        assert total == model.total
