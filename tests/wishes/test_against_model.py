"""Whatever people, staff and the clock do, and in whatever order: no illegal state, no second holder, no lost wish, and
points that add up. Random histories, compared after every step with a plain model that knows the table and nothing of
locks, rows or transactions."""

import asyncio
import copy
import itertools
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, ClassVar, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from server.accounts.models import Person
from server.foundation import clock
from server.foundation.database import execute, fetch, fetch_value, transaction
from server.foundation.dates import today
from server.foundation.errors import EditedMeanwhile, Refusal
from server.foundation.rating import NewRating
from server.moderation.models import Verdict
from server.teams.teams import leave_all_teams
from server.wishes import claiming, fulfilling, posting, review
from server.wishes.feature import FEATURE
from server.wishes.leaving import settle_wishes_of_leaver
from server.wishes.models import WishKind, WishState, WishTerms
from server.wishes.posting import WishContent
from server.wishes.rules import WISH_TABLE, WishAction, WishActor, claim_due_at, longest_due_at, shortest_due_at
from tests.clients import Api
from tests.wishes.builders import (
    HOLDER_STATES,
    People,
    put_community,
    put_persons,
    put_picture,
    put_team,
    put_unit,
    put_verdict,
    put_wish,
)

MOST_CLAIMS = 1
"""What the terms allow one person here, so that the limit is met often."""
THINGS = 3
WISHES = 4
PEOPLE = ("wisher", "other_wisher", "leader", "helper", "liaison", "loner", "staff")
LEAVERS = ("wisher", "leader", "helper", "loner")


class Act(NamedTuple):
    """What somebody tries: `other` is whom it concerns besides, `how` for whom they claim, `number` how many."""

    action: WishAction
    who: str
    wish: int
    other: str = ""
    how: str = ""
    number: int = 0


@dataclass
class Claim:
    claimer: str
    how: str
    due_at: datetime
    claimed_at: datetime
    shares: dict[str, int] = field(default_factory=dict)
    reported_at: datetime | None = None
    confirmed_at: datetime | None = None
    credited: tuple[str, ...] = ()


@dataclass
class ModelWish:
    wisher: str
    state: WishState
    wished_by: date
    holder: Claim | None = None
    claims: int = 0
    is_with_staff: bool = False


@dataclass
class World:
    """The rules once more."""

    wishes: list[ModelWish]
    points: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PEOPLE, 0))
    gone: set[str] = field(default_factory=set)
    team: set[str] = field(default_factory=lambda: {"leader", "helper"})
    released: list[tuple[str, datetime]] = field(default_factory=list)

    def actors(self, who: str, wish: ModelWish) -> set[WishActor]:
        if who == wish.wisher:
            return {WishActor.WISHER}
        found: set[WishActor] = set()
        holder = wish.holder
        if holder and who == holder.claimer:
            found.add(WishActor.CLAIMER)
        elif holder and holder.how == "team" and (who in self.team or who in holder.shares):
            found.add(WishActor.HELPER)
        if WishActor.CLAIMER not in found:
            found.add(WishActor.RESIDENT)
        if who == "staff" and not found & {WishActor.CLAIMER, WishActor.HELPER}:
            found.add(WishActor.STAFF)
            if wish.is_with_staff:
                found.add(WishActor.STAND_IN)
        return found

    def attempt(self, act: Act, now: datetime) -> bool:
        """Whether the act succeeds; then it has happened."""
        following = self.foresee(act, now)
        if following is None:
            return False
        self.happen(act, self.wishes[act.wish], following, now)
        return True

    def foresee(self, act: Act, now: datetime, *, by_table_alone: bool = False) -> WishState | None:
        """Where the act leads; None if it is refused."""
        wish = self.wishes[act.wish]
        for actor in self.actors(act.who, wish):
            following = WISH_TABLE.transitions.get((wish.state, act.action, actor))
            if following and (by_table_alone or self.is_possible(act, wish, now)):
                return following
        return None

    def is_possible(self, act: Act, wish: ModelWish, now: datetime) -> bool:
        """What a step needs besides the table."""
        day, holder = clock.shanghai(now).date(), wish.holder
        match act.action:
            case WishAction.SUBMIT:
                return wish.wished_by > day
            case WishAction.PUBLISH:
                return wish.state is WishState.AMENDED or wish.wished_by >= day
            case WishAction.CLAIM:
                return holder is not None or (
                    self.may_act(act.who, act.how)
                    and (act.how == "unit" or self.held_by(act.who) + self.released_by(act.who, now) < MOST_CLAIMS)
                )
            case WishAction.ASSIGN:
                is_other = act.other != wish.wisher and (holder is None or holder.claimer != act.other)
                return is_other and act.other not in self.gone and self.held_by(act.other) < MOST_CLAIMS
            case WishAction.TAKE_SHARE:
                assert holder
                return act.number + sum(holder.shares.values()) - holder.shares.get(act.who, 0) <= THINGS
            case WishAction.END_SHARE:
                assert holder
                return act.other in holder.shares and act.who in (act.other, holder.claimer)
            case WishAction.CONFIRM_FOR_WISHER:
                assert holder
                assert holder.reported_at
                return wish.is_with_staff or holder.reported_at + timedelta(days=7) <= now
            case WishAction.DISPUTE:
                assert holder
                return holder.confirmed_at is None or holder.confirmed_at + timedelta(days=30) >= now
        return True

    def may_act(self, who: str, how: str) -> bool:
        if how == "team":
            return who == "leader" and bool(self.team)
        return how != "unit" or who == "liaison"

    def held_by(self, who: str) -> int:
        return sum(
            1
            for wish in self.wishes
            if wish.holder
            and wish.holder.claimer == who
            and wish.holder.how != "unit"
            and wish.state in (WishState.CLAIMED, WishState.AMENDED)
        )

    def released_by(self, who: str, now: datetime) -> int:
        """What they gave back within a day."""
        return sum(1 for person, at in self.released if person == who and at > now - timedelta(days=1))

    def happen(self, act: Act, wish: ModelWish, following: WishState, now: datetime) -> None:
        holder, was = wish.holder, wish.state
        wish.state = following
        match act.action:
            case WishAction.EDIT | WishAction.RENEW:
                wish.wished_by = clock.shanghai(now).date() + timedelta(days=10)
            case WishAction.CLAIM if holder is None:
                self.open(wish, act.who, act.how, now)
            case WishAction.ASSIGN:
                self.open(wish, act.other, "", now)
            case WishAction.TAKE_SHARE:
                assert holder
                holder.shares[act.who] = act.number
            case WishAction.END_SHARE:
                assert holder
                del holder.shares[act.other]
            case WishAction.RELEASE:
                assert holder
                if holder.how != "unit":
                    self.released.append((holder.claimer, now))
            case WishAction.ADD_NOTE:
                assert holder
                holder.due_at = max(holder.due_at, min(shortest_due_at(now), longest_due_at(holder.claimed_at, 14)))
            case WishAction.PUBLISH if holder:
                holder.due_at = max(holder.due_at, shortest_due_at(now))
            case WishAction.REPORT_DONE | WishAction.HAND_OVER | WishAction.TAKE_IN:
                assert holder
                holder.reported_at = now
            case WishAction.CONFIRM | WishAction.CONFIRM_FOR_WISHER | WishAction.UPHOLD_REPORT:
                assert holder
                if holder.confirmed_at is None:
                    self.credit(holder, now)
            case WishAction.REJECT_REPORT | WishAction.LET_REDO:
                assert holder
                self.take_back(holder)
                if act.action is WishAction.LET_REDO:
                    self.open(wish, holder.claimer, holder.how, now)
                    assert wish.holder
                    wish.holder.shares = dict(holder.shares)
        if following not in HOLDER_STATES:
            wish.holder = None
        assert (wish.holder is not None) == (following in HOLDER_STATES), (act, was)

    def open(self, wish: ModelWish, who: str, how: str, now: datetime) -> None:
        wish.holder = Claim(who, how, claim_due_at(now, wish.wished_by), now)
        wish.claims += 1

    def credit(self, claim: Claim, now: datetime) -> None:
        claim.confirmed_at, claim.credited = now, (claim.claimer, *claim.shares)
        for who in claim.credited:
            self.points[who] += 10 if len(claim.credited) == 1 else 5

    def take_back(self, claim: Claim) -> None:
        for who in claim.credited:
            self.points[who] -= 10 if len(claim.credited) == 1 else 5
        claim.credited = ()

    def leave(self, who: str) -> None:
        self.gone.add(who)
        for wish in self.wishes:
            holder = wish.holder
            if who == wish.wisher:
                if wish.state is WishState.DRAFT:
                    wish.state = WishState.WITHDRAWN
                elif (wish.state, WishAction.HAND_TO_STAFF, WishActor.SYSTEM) in WISH_TABLE.transitions:
                    wish.is_with_staff = True
            elif holder and wish.state in (WishState.CLAIMED, WishState.AMENDED):
                holder.shares.pop(who, None)
                if holder.claimer == who:
                    wish.state, wish.holder = (
                        WISH_TABLE.transitions[wish.state, WishAction.RELEASE, WishActor.SYSTEM],
                        None,
                    )
        self.team = set() if who == "leader" else self.team - {who}

    def let_time_pass(self, now: datetime) -> None:
        """The sweeps, as the job list has them: what is past its day closes, then idle claims go back."""
        day = clock.shanghai(now).date()
        for wish in self.wishes:
            if wish.wished_by < day:
                wish.state = WISH_TABLE.transitions.get((wish.state, WishAction.EXPIRE, WishActor.SYSTEM), wish.state)
        for wish in self.wishes:
            if wish.state is WishState.CLAIMED and wish.holder and wish.holder.due_at <= now:
                wish.state, wish.holder = WishState.PUBLISHED, None


ENDINGS = frozenset({WishAction.REFUSE, WishAction.WITHDRAW})
DETOURS = frozenset(
    {
        WishAction.RETURN,
        WishAction.RELEASE,
        WishAction.TAKE_BACK,
        WishAction.ASSIGN,
        WishAction.EDIT,
        WishAction.AGREE_TO_SHOW,
    }
)


def all_acts(world: World) -> list[Act]:
    """Everything that anybody here could try."""
    acts = []
    for action, who, wish in itertools.product(WishAction, PEOPLE, range(WISHES)):
        if who in world.gone or action not in ACTIONS:
            continue
        match action:
            case WishAction.CLAIM:
                hows = ["", *(["team"] if who == "leader" else []), *(["unit"] if who == "liaison" else [])]
                acts += [Act(action, who, wish, how=how) for how in hows]
            case WishAction.ASSIGN | WishAction.END_SHARE:
                acts += [Act(action, who, wish, other=other) for other in ("helper", "loner", "leader")]
            case WishAction.TAKE_SHARE:
                acts += [Act(action, who, wish, number=number) for number in (0, 1, THINGS)]
            case _:
                acts.append(Act(action, who, wish))
    return acts


ACTIONS = frozenset(action for _, action, actor in WISH_TABLE.transitions if actor is not WishActor.SYSTEM)


class WishMachine(RuleBasedStateMachine):
    """Services on one side, the model on the other. Hypothesis runs this in a thread of its own; what touches the
    database runs in the test's loop."""

    loop: ClassVar[asyncio.AbstractEventLoop]
    api: ClassVar[Api]
    done: ClassVar[dict[str, int]] = {}

    def run(self, work: Awaitable[Any]) -> Any:
        async def run() -> Any:
            return await work

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(60)

    @initialize(states=st.lists(st.sampled_from([WishState.DRAFT, WishState.PUBLISHED]), min_size=4, max_size=4))
    def begin(self, states: list[WishState]) -> None:
        self.moved, self.acts = timedelta(), 0
        clock.move_clock(self.moved)
        day = today() + timedelta(days=10)
        wishers = ("wisher", "other_wisher", "wisher", "other_wisher")
        self.world = World([ModelWish(who, state, day) for who, state in zip(wishers, states, strict=True)])
        self.run(self.create())
        if states[0] is WishState.PUBLISHED:
            self.try_act(Act(WishAction.CLAIM, "leader", 0, how="team"))

    async def create(self) -> None:
        async with transaction():
            community = await put_community()
            persons = await put_persons(self.api, community, *PEOPLE)
            self.people = dict(zip(PEOPLE, persons, strict=True))
            await execute(
                "INSERT INTO role_grant (id, created_at, person_id, organization_id, kind, granted_at) "
                "VALUES ($1, $2, $1, $3, 'staff', $2)",
                self.id_of("staff"),
                clock.now(),
                community.id,
            )
            self.team_id = (await put_team(self.people["leader"], self.people["helper"], community=community)).id
            self.unit_id = (await put_unit(community, self.people["liaison"])).id
            await WishTerms.create(
                organization=community, max_open_claims=MOST_CLAIMS, max_open_claims_of_unit=9, claim_days=14
            )
            self.wish_ids = []
            for wish in self.world.wishes:
                whose = People(community, *(self.people[who] for who in (wish.wisher, "loner", "staff", "loner")))
                wish_id = await put_wish(whose, wish.state, quantity=THINGS, wished_by=wish.wished_by)
                await put_verdict("wish", wish_id, whose, Verdict.PASSED)
                self.wish_ids.append(wish_id)

    def id_of(self, who: str) -> str:
        return self.people[who].person_id

    @rule(number=st.integers(0, 2**32))
    def do_something(self, number: int) -> None:
        self.try_act(self.choose(number))

    def try_act(self, act: Act) -> None:
        expected = self.world.attempt(act, clock.now())
        assert self.run(self.carry_out(act)) is expected, f"{act}: the model says {expected}"
        self.count(act, expected)

    @rule(number=st.integers(0, 2**32))
    def go_on(self, number: int) -> None:
        """The same again: histories are mostly single acts."""
        self.do_something(number)

    @rule(numbers=st.lists(st.integers(0, 2**32), min_size=2, max_size=3))
    def meet(self, numbers: list[int]) -> None:
        """Several at once: what comes out is what one order of them gives."""
        acts = [self.choose(number) for number in numbers]
        now = clock.now()
        outcomes = self.run(self.carry_out_together(acts))
        state = self.run(self.look())
        for order in itertools.permutations(range(len(acts))):
            world = copy.deepcopy(self.world)
            told = {index: world.attempt(acts[index], now) for index in order}
            if [told[index] for index in range(len(acts))] == outcomes and self.seen(world) == state:
                self.world = world
                return
        raise AssertionError(f"no order of {acts} gives {outcomes} and {state}")

    @rule(days=st.sampled_from([1, 1, 2, 4, 8]))
    @precondition(lambda self: self.acts % 3 == 0)
    def pass_time(self, days: int) -> None:
        self.moved += timedelta(days=days)
        clock.move_clock(self.moved)
        self.run(self.sweep())
        self.world.let_time_pass(clock.now())

    async def sweep(self) -> None:
        for sweep in FEATURE.sweeps:
            # What earlier histories have left is due too, more than one batch of it.
            while await sweep.run():
                pass

    @rule(who=st.sampled_from(LEAVERS))
    @precondition(lambda self: self.acts >= 10 * (1 + len(self.world.gone)))
    def leave(self, who: str) -> None:
        if who in self.world.gone:
            return
        self.run(self.block(who))
        self.world.leave(who)

    async def block(self, who: str) -> None:
        async with transaction():
            await Person.filter(id=self.id_of(who)).update(closed_at=clock.now())
            await settle_wishes_of_leaver(self.id_of(who))
            await leave_all_teams(self.id_of(who))

    def choose(self, number: int) -> Act:
        """Mostly something that leads on, so that histories come far; else anything at all."""
        chance, now = random.Random(number), clock.now()
        acts = all_acts(self.world)
        kind_of_choice = chance.random()
        if kind_of_choice < 0.15:
            # What the table allows and something else forbids: a limit, a day, a number.
            nearly = [act for act in acts if self.world.foresee(act, now, by_table_alone=True)]
            return chance.choice([act for act in nearly if not self.world.foresee(act, now)] or acts)
        if kind_of_choice < 0.9:
            unwanted = chance.choices([ENDINGS | DETOURS, ENDINGS, frozenset[WishAction]()], [70, 27, 3])[0]
            possible = [act for act in acts if act.action not in unwanted and self.world.foresee(act, now)]
            # Every action is as likely as any other, however many ways there are to take it; for a team as for oneself.
            kind = chance.choice(sorted({(act.action, act.how) for act in possible}) or [None])
            acts = [act for act in possible if (act.action, act.how) == kind] or acts
        return chance.choice(acts)

    async def carry_out_together(self, acts: list[Act]) -> list[bool]:
        return await asyncio.gather(*(self.carry_out(act) for act in acts))

    async def carry_out(self, act: Act) -> bool:
        try:
            await self.call(act)
        except EditedMeanwhile:
            # Somebody else's edit came between reading the version and writing: read again, as people do.
            return await self.carry_out(act)
        except Refusal:
            return False
        return True

    async def call(self, act: Act) -> None:
        wish_id, who = self.wish_ids[act.wish], self.id_of(act.who)
        match act.action:
            case WishAction.EDIT:
                version = await fetch_value("SELECT version FROM wish WHERE id = $1", wish_id)
                await posting.edit_wish(who, wish_id, version, self.content())
            case WishAction.SUBMIT:
                await posting.submit_wish(who, wish_id)
            case WishAction.WITHDRAW:
                await posting.withdraw_wish(who, wish_id)
            case WishAction.RENEW:
                await posting.renew_wish(who, wish_id, today() + timedelta(days=10))
            case WishAction.PUBLISH:
                await execute("UPDATE checked_subject SET verdict = 'passed' WHERE subject_id = $1", wish_id)
                version = await fetch_value("SELECT version FROM wish WHERE id = $1", wish_id)
                await review.publish_wish(who, wish_id, version)
            case WishAction.CLAIM:
                await claiming.claim_wish(
                    who,
                    wish_id,
                    unit_id=self.unit_id if act.how == "unit" else None,
                    team_id=self.team_id if act.how == "team" else None,
                )
            case WishAction.ASSIGN:
                await review.assign_wish(who, wish_id, self.id_of(act.other), "原因")
            case WishAction.TAKE_SHARE:
                await claiming.take_share(who, wish_id, act.number)
            case WishAction.END_SHARE:
                await claiming.end_share(who, wish_id, self.id_of(act.other))
            case WishAction.ADD_NOTE:
                await fulfilling.add_wish_note(who, wish_id, "进展", [])
            case WishAction.REPORT_DONE:
                await fulfilling.report_wish_done(who, wish_id, "", [await put_picture(self.people[act.who])])
            case WishAction.HAND_OVER:
                code = await self.code_of(act.wish)
                await fulfilling.hand_over_wish(who, wish_id, code, "", [])
            case WishAction.CONFIRM:
                await fulfilling.confirm_wish(who, wish_id, NewRating(stars=4), [])
            case WishAction.AGREE_TO_SHOW:
                await fulfilling.agree_to_show_wish(who, wish_id, True)
            case WishAction.DISPUTE:
                await fulfilling.dispute_wish(who, wish_id, "原因")
            case WishAction.UPHOLD_REPORT | WishAction.REJECT_REPORT | WishAction.LET_REDO:
                await review.decide_wish_dispute(who, wish_id, DECISIONS[act.action], "核实")
            case _:
                await WITH_REASON[act.action](who, wish_id, "原因")

    async def code_of(self, wish: int) -> str:
        """The code that the wisher would show now."""
        try:
            return (
                await fulfilling.show_hand_over_code(self.id_of(self.world.wishes[wish].wisher), self.wish_ids[wish])
            ).code
        except Refusal:
            return ""

    def content(self) -> WishContent:
        return WishContent(
            title="想要图书",
            kind=WishKind.THING,
            audience="child",  # type: ignore[arg-type]
            text="课外书",
            wished_by=today() + timedelta(days=10),
            quantity=THINGS,
        )

    @invariant()
    def nothing_differs(self) -> None:
        if hasattr(self, "wish_ids"):
            assert self.run(self.look()) == self.seen(self.world)

    async def look(self) -> Any:
        """What the database holds: the wishes with their holders, the number of claims, the points."""
        rows = await fetch(
            "SELECT w.id, w.state, "
            "array_agg(c.claimer_id) FILTER (WHERE c.id IS NOT NULL AND c.ended_at IS NULL) AS holders, "
            "COALESCE(sum(c.pledged) FILTER (WHERE c.ended_at IS NULL), 0)::int AS pledged, count(c.id) AS claims, "
            "w.handed_to_staff_at IS NOT NULL AS handed FROM wish w LEFT JOIN wish_claim c ON c.wish_id = w.id "
            "WHERE w.id = ANY($1) GROUP BY w.id",
            self.wish_ids,
        )
        names = {api.person_id: who for who, api in self.people.items()}
        wishes = {
            row["id"]: (
                row["state"],
                [names[claimer_id] for claimer_id in row["holders"] or []],
                row["pledged"],
                row["claims"],
                row["handed"],
            )
            for row in rows
        }
        points = await fetch(
            "SELECT person_id, sum(points)::int AS points FROM service_entry WHERE person_id = ANY($1) "
            "GROUP BY person_id",
            list(names),
        )
        return [wishes[wish_id] for wish_id in self.wish_ids], {
            names[row["person_id"]]: row["points"] for row in points if row["points"]
        }

    def seen(self, world: World) -> Any:
        return [
            (
                str(wish.state),
                [wish.holder.claimer] if wish.holder else [],
                sum(wish.holder.shares.values()) if wish.holder else 0,
                wish.claims,
                wish.is_with_staff,
            )
            for wish in world.wishes
        ], {who: points for who, points in world.points.items() if points}

    def count(self, act: Act, succeeded: bool) -> None:
        self.acts += 1
        if succeeded:
            self.done[act.action] = self.done.get(act.action, 0) + 1

    def teardown(self) -> None:
        clock.move_clock(timedelta())


DECISIONS = {
    WishAction.UPHOLD_REPORT: review.DisputeDecision.UPHOLD,
    WishAction.REJECT_REPORT: review.DisputeDecision.REJECT,
    WishAction.LET_REDO: review.DisputeDecision.REDO,
}

WITH_REASON: dict[WishAction, Callable[[str, str, str], Awaitable[object]]] = {
    WishAction.RETURN: review.return_wish,
    WishAction.REFUSE: review.refuse_wish,
    WishAction.RELEASE: claiming.release_claim,
    WishAction.TAKE_BACK: review.take_back_wish,
    WishAction.TAKE_IN: review.take_in_wish,
    WishAction.CONFIRM_FOR_WISHER: review.confirm_wish_for_wisher,
}


async def run_machine(api: Api, examples: int, steps: int, *phases: Phase) -> dict[str, int]:
    """How often each action succeeded."""
    WishMachine.loop, WishMachine.api, WishMachine.done = asyncio.get_running_loop(), api, {}
    wanted = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=phases,
    )
    await asyncio.to_thread(run_state_machine_as_test, WishMachine, settings=wanted)
    return WishMachine.done


async def test_random_histories_agree_with_the_model(api: Api) -> None:
    # What fails is not made smaller here: that takes minutes, and the long form does it.
    done = await run_machine(api, 20, 40, Phase.generate)
    assert {WishAction.CLAIM, WishAction.REPORT_DONE, WishAction.CONFIRM} <= set(done), done


@pytest.mark.full
async def test_many_random_histories_agree_with_the_model(api: Api) -> None:
    done = await run_machine(api, 150, 50, Phase.generate, Phase.shrink)
    assert set(done) == set(ACTIONS), "every action was taken"
