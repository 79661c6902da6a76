"""Different verbs at once on the same things, over two processes: whatever comes first, what is left is legal.

A short draw in every run; behind --full every pair of the world's acts, three times each.
"""

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.accounts.models import ConsentKind
from server.accounts.queries import has_consent
from server.foundation.database import fetch
from server.foundation.settings import Settings
from server.members.memberships import index_of
from server.members.models import Membership
from tests.clients import Api
from tests.neighbor_center.builders import set_clock
from tests.pairs.world import World, create_world
from tests.servers import Server

DRAWN = 60
TIMES = 3

# What must never be found, and for which persons or organizations; each gives one row for each thing that is wrong.
ILLEGAL = {
    "a merged person has something still": """
        SELECT p.id FROM person p WHERE p.merged_into_id IS NOT NULL AND (
            EXISTS (SELECT 1 FROM sign_up s WHERE s.person_id = p.id)
            OR EXISTS (SELECT 1 FROM booking b WHERE b.person_id = p.id)
            OR EXISTS (SELECT 1 FROM room_booking b WHERE b.person_id = p.id)
            OR EXISTS (SELECT 1 FROM wish w WHERE p.id IN (w.author_id, w.beneficiary_id))
            OR EXISTS (SELECT 1 FROM wish_claim c WHERE c.claimer_id = p.id)
            OR EXISTS (SELECT 1 FROM team_member t WHERE t.person_id = p.id)
            OR EXISTS (SELECT 1 FROM dependant d WHERE d.guardian_id = p.id AND d.ended_at IS NULL)
            OR EXISTS (SELECT 1 FROM role_grant g WHERE g.person_id = p.id AND g.ended_at IS NULL))""",
    "somebody who is kept out has a place ahead": """
        SELECT pl.id FROM place pl JOIN person p ON p.id = pl.person_id
        WHERE pl.ended_at IS NULL AND (p.closed_at IS NOT NULL)""",
    "somebody who is kept out holds a wish": """
        SELECT c.id FROM wish_claim c JOIN person p ON p.id = c.claimer_id
        WHERE c.ended_at IS NULL AND (p.closed_at IS NOT NULL)""",
    "an allotment counts wrong": """
        SELECT a.id FROM allotment a WHERE a.taken > a.capacity OR a.taken <> (
            SELECT COALESCE(sum(p.party_size), 0) FROM place p
            WHERE p.allotment_id = a.id AND p.state IN ('confirmed', 'offered'))""",
    "something in a closed community": """
        SELECT o.id FROM organization o WHERE o.closed_at IS NOT NULL AND (
            EXISTS (SELECT 1 FROM person p WHERE p.community_id = o.id)
            OR EXISTS (SELECT 1 FROM check_in c WHERE c.community_id = o.id AND c.state IN ('applied', 'confirmed'))
            OR EXISTS (SELECT 1 FROM role_grant g WHERE g.organization_id = o.id AND g.ended_at IS NULL))""",
    "two places at one time, and nobody was told": """
        SELECT s.id FROM sign_up s JOIN place p ON p.id = s.place_id AND p.ended_at IS NULL
        JOIN shift a ON a.id = s.shift_id AND a.state = 'scheduled'
        JOIN sign_up t ON t.person_id = s.person_id AND t.shift_id > s.shift_id
        JOIN place q ON q.id = t.place_id AND q.ended_at IS NULL
        JOIN shift b ON b.id = t.shift_id AND b.state = 'scheduled' AND b.starts_at < a.ends_at
            AND a.starts_at < b.ends_at
        WHERE NOT EXISTS (SELECT 1 FROM inbox_message m WHERE m.person_id = s.person_id
            AND m.event = 'shift_moved_overlapping')""",
    "a child whom nobody looks after has a place": """
        SELECT s.id FROM sign_up s JOIN place p ON p.id = s.place_id AND p.ended_at IS NULL
        JOIN person c ON c.id = s.person_id AND c.origin = 'dependant'
        WHERE NOT EXISTS (SELECT 1 FROM dependant d WHERE d.person_id = c.id AND d.ended_at IS NULL)""",
    "a place in a cancelled shift": """
        SELECT s.id FROM sign_up s JOIN place p ON p.id = s.place_id AND p.ended_at IS NULL
        JOIN shift sh ON sh.id = s.shift_id AND sh.state = 'cancelled'""",
    "one phone and one name, two persons": """
        SELECT d.phone_index FROM person_details d JOIN person p ON p.id = d.person_id
        WHERE p.merged_into_id IS NULL AND p.closed_at IS NULL AND d.phone_index IS NOT NULL
        GROUP BY d.phone_index, d.real_name_index HAVING count(*) > 1""",
}


Known = set[tuple[str, Any]]


@pytest.fixture
async def doors(app: object, settings: Settings, tmp_path: Path) -> AsyncIterator[tuple[Api, Api]]:
    """Two servers on the test's database."""
    with Server(settings, tmp_path) as one, Server(settings, tmp_path) as other:
        await asyncio.gather(one.start(), other.start())
        async with (
            httpx.AsyncClient(base_url=one.url, timeout=20) as here,
            httpx.AsyncClient(base_url=other.url, timeout=20) as there,
        ):
            yield Api(here), Api(there)


async def play(
    api: Api, doors: tuple[Api, Api], names: tuple[str, str], chance: random.Random, known: Known
) -> list[str]:
    """Both at once in a new world; what is wrong afterwards, and was not `known` before."""
    world = await create_world(api)
    first, second = (world.acts[name] for name in names)
    lead = chance.choice((-1, 1)) * chance.random() * 0.004

    async def after(seconds: float, number: int) -> httpx.Response:
        await asyncio.sleep(max(0.0, seconds))
        return await (first, second)[number].send(doors[number])

    answers = await asyncio.gather(after(lead, 0), after(-lead, 1))
    wrong = [f"{names[n]}: {answer.text}" for n, answer in enumerate(answers) if answer.status_code >= 500]
    for words, sql in ILLEGAL.items():
        found = {(words, row[0]) for row in await fetch(sql)}
        wrong += [words] * bool(found - known)
        known |= found
    is_member = await Membership.exists(person_index=index_of(world.me.person_id), ended_at=None)
    if is_member and not await has_consent(world.me.person_id, ConsentKind.MEMBERSHIP_DATA):
        wrong.append("a membership without consent")
    return wrong + await untouched(world)


async def untouched(world: World) -> list[str]:
    """The bystander is where they were, but for what was done to all."""
    rows = await fetch(
        "SELECT 1 FROM person p JOIN sign_up s ON s.person_id = p.id JOIN place pl ON pl.id = s.place_id "
        "WHERE p.id = $1 AND pl.ended_at IS NULL AND p.closed_at IS NULL AND p.merged_into_id IS NULL",
        world.bystander.person_id,
    )
    return [] if len(rows) == 1 else ["the bystander lost a place"]


async def test_each_by_itself(api: Api) -> None:
    """Or else a pair would say nothing."""
    set_clock("08:00")
    for name in (await create_world(api)).acts:
        world = await create_world(api)
        answer = await world.acts[name].send(api)
        assert answer.is_success, f"{name}: {answer.text}"


async def test_a_draw_of_pairs(api: Api, doors: tuple[Api, Api]) -> None:
    set_clock("08:00")
    chance = random.Random(14)
    pairs = list(itertools.combinations(sorted((await create_world(api)).acts), 2))
    wrong, known = {}, Known()
    for names in chance.sample(pairs, DRAWN):
        if found := await play(api, doors, names, chance, known):
            wrong[names] = found
    assert not wrong


@pytest.mark.full
async def test_every_pair(api: Api, doors: tuple[Api, Api]) -> None:
    set_clock("08:00")
    chance = random.Random()
    wrong: Counter[tuple[str, ...]] = Counter()
    known = Known()
    for names in itertools.combinations_with_replacement(sorted((await create_world(api)).acts), 2):
        for _ in range(TIMES):
            wrong.update((*names, found) for found in await play(api, doors, names, chance, known))
    assert not wrong
