"""Eight o'clock: a crowd books what has just been released, through a real server with several worker processes."""

import asyncio
import random
import secrets
import sys
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.accounts.models import Consent, ConsentKind, Person, PersonOrigin, Session
from server.foundation import clock
from server.foundation.crypto import hash_token
from server.foundation.database import fetch, fetch_value
from server.foundation.settings import Settings
from server.neighbor_center.venues.models import Service, Venue
from server.organizations.models import Organization
from tests.builders import create_staff
from tests.clients import Api
from tests.neighbor_center.builders import MONDAY, at, create_service, set_clock
from tests.servers import Server

DAY = MONDAY + timedelta(days=7)
SLOTS = [f"{hour:02}:{minute:02}" for hour in range(8, 18) for minute in (0, 15, 30, 45)]
"""Forty of them."""


async def create_crowd(number: int, community: Organization) -> list[str]:
    """People with a session each; their tokens."""
    people = [
        Person(origin=PersonOrigin.WECHAT, nickname="居民", shown_nickname="居民", community=community)
        for _ in range(number)
    ]
    await Person.bulk_create(people)
    await Consent.bulk_create(
        [
            Consent(person_id=person.id, kind=ConsentKind.PRIVACY, text_version="1", given_at=clock.now())
            for person in people
        ]
    )
    tokens = [secrets.token_urlsafe(32) for _ in people]
    now = clock.now()
    await Session.bulk_create(
        [
            Session(person_id=person.id, token_hash=hash_token(token), expires_at=now + timedelta(days=30), used_at=now)
            for person, token in zip(people, tokens, strict=True)
        ]
    )
    return tokens


class Crowd:
    """People at their phones. Each has a connection of their own, 400 at a time: more would only keep the test's own
    client busy."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.answers: Counter[str] = Counter()
        self.connections = asyncio.Semaphore(400)

    async def post(self, token: str, path: str, body: Any = None) -> Any:
        """One request, once; what came of it is counted."""
        headers = {"authorization": f"Bearer {token}", "connection": "close"}
        async with self.connections:
            response = await self.client.post(f"/api/v1{path}", json=body, headers=headers)
        answer = response.json() if response.content else {}
        self.answers[answer.get("state", "ok") if response.is_success else answer["code"]] += 1
        assert response.status_code < 500, response.text
        return answer if response.is_success else None


async def rush(
    api: Api, settings: Settings, folder: Path, community: Organization, *, people: int, places: int, workers: int
) -> None:
    terms: dict[str, Any] = {
        "hours": ((480, 1080),),
        "minutes": 15,
        "capacity": places,
        "days_ahead": 7,
        "released_at": 480,
        "max_open_per_person": 2,
    }
    service = await create_service(community, **terms)
    asked = await create_service(venue=await Venue.get(id=service.venue_id), needs_approval=True, **terms)
    staff = await create_staff(api, community)
    tokens = await create_crowd(people, community)
    chance = random.Random(8)
    set_clock("07:59")
    with Server(settings, folder, LINLI_WORKERS=str(workers), LINLI_DATABASE_POOL="8") as server:
        await server.start()
        limits = httpx.Limits(max_connections=500, max_keepalive_connections=0)
        async with httpx.AsyncClient(base_url=server.url, timeout=120, limits=limits) as client:
            early = Crowd(client)
            body = {"starts_at": at("09:00", DAY)}
            path = f"/services/{service.id}/bookings"
            await asyncio.gather(*(early.post(token, path, body) for token in tokens[: people // 20]))
            assert early.answers == {"too_far_ahead": people // 20}

            set_clock("08:00")
            crowd, began = Crowd(client), time.perf_counter()
            wanted = [(token, chance.choice(SLOTS), chance.random() < 0.3) for token in tokens]
            booked = await asyncio.gather(
                *(crowd.post(token, path, {"starts_at": at(slot, DAY), "wait": wait}) for token, slot, wait in wanted)
            )
            sys.stdout.write(f"{people} answered in {time.perf_counter() - began:.1f} s: {dict(crowd.answers)}\n")
            assert crowd.answers.total() == people
            assert set(crowd.answers) <= {"booked", "waiting", "places_full"}
            demand = Counter(slot for _, slot, _ in wanted)
            assert crowd.answers["booked"] == sum(min(places, number) for number in demand.values())
            await require_order(service)

            # And then everything at once: moving, cancelling, waiting, walk-ins, requests and their approval.
            mixed = Crowd(client)
            calls = []
            for (token, _, _), booking in list(zip(wanted, booked, strict=True))[::2]:
                slot = {"starts_at": at(chance.choice(SLOTS), DAY)}
                what = chance.randrange(4)
                if booking is None or what == 3:
                    calls.append(mixed.post(token, f"/services/{asked.id}/bookings", slot | {"wait": True}))
                elif what == 0:
                    calls.append(mixed.post(token, f"/bookings/{booking['id']}/cancel", {}))
                else:
                    calls.append(mixed.post(token, f"/bookings/{booking['id']}/move", slot))
            for number in range(people // 20):
                walk_in = {
                    "starts_at": at(chance.choice(SLOTS), DAY),
                    "real_name": "王小明",
                    "phone": f"139{number:08}",
                }
                calls.append(mixed.post(staff.token, f"/staff/services/{service.id}/walk-ins", walk_in))
            calls.append(approve_all(mixed, staff, asked))
            chance.shuffle(calls)
            await asyncio.gather(*calls)
            assert not set(mixed.answers) - {
                "booked",
                "waiting",
                "requested",
                "cancelled",
                "ok",
                "places_full",
                "booking_overlaps",
                "too_many_bookings",
                "wrong_state",
            }
            await require_order(service)
            await require_order(asked)


async def approve_all(crowd: Crowd, staff: Api, service: Service) -> None:
    """Staff answer requests while they come in."""
    for _ in range(10):
        rows = await fetch(
            "SELECT b.id FROM booking b JOIN slot t ON t.id = b.slot_id JOIN place p ON p.id = b.place_id "
            "WHERE t.service_id = $1 AND b.approval = 'pending' AND p.ended_at IS NULL LIMIT 10",
            service.id,
        )
        for number, row in enumerate(rows):
            path = f"/staff/bookings/{row['id']}"
            if number % 3:
                await crowd.post(staff.token, f"{path}/approve")
            else:
                await crowd.post(staff.token, f"{path}/refuse", {"reason": "名额已满"})


async def require_order(service: Service) -> None:
    """Nothing is exceeded, no place is lost, and nobody waits before a free place."""
    rows = await fetch(
        "SELECT a.capacity, a.taken, COALESCE(sum(p.party_size) FILTER (WHERE p.state IN ('offered', 'confirmed')), 0) "
        "AS held, count(*) FILTER (WHERE p.state = 'waiting') AS waiting, "
        "count(DISTINCT p.person_id) = count(*) AS once FROM slot t JOIN allotment a ON a.id = t.allotment_id "
        "JOIN place p ON p.allotment_id = a.id AND p.ended_at IS NULL WHERE t.service_id = $1 GROUP BY a.id",
        service.id,
    )
    assert rows
    for row in rows:
        assert row["taken"] == row["held"] <= row["capacity"]
        assert row["once"]
        assert not row["waiting"] or row["taken"] == row["capacity"]
    assert await fetch_value("SELECT count(*) FROM slot WHERE service_id = $1", service.id) <= len(SLOTS)
    assert (
        await fetch_value(
            "SELECT max(number) FROM (SELECT count(*) AS number FROM booking b JOIN slot t ON t.id = b.slot_id "
            "JOIN place p ON p.id = b.place_id WHERE t.service_id = $1 AND p.ended_at IS NULL AND NOT b.walk_in "
            "GROUP BY b.person_id) each",
            service.id,
        )
        == 1
    )


async def test_two_hundred_at_eight(api: Api, settings: Settings, tmp_path: Path, community: Organization) -> None:
    await rush(api, settings, tmp_path, community, people=200, places=2, workers=2)


@pytest.mark.full
async def test_three_thousand_at_eight(api: Api, settings: Settings, tmp_path: Path, community: Organization) -> None:
    await rush(api, settings, tmp_path, community, people=3000, places=5, workers=4)
