"""What a dump of the database tells of membership to somebody without the keys: what the README says, and nothing else.

People with ordinary histories, half of them members; then every table that names a person in clear is tried as a
classifier: by there being a row, and by each value of its columns that take few.
"""

import os
import random
import re
from collections import defaultdict
from pathlib import Path

import pytest

import server.check_in
from server.accounts.consents import record_consent
from server.accounts.models import ConsentKind
from server.check_in.checking_in import CheckInApplication, apply_check_in, confirm_check_in
from server.check_in.posts.holding import apply_for_post, approve_post
from server.check_in.residence import Residence
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import fetch
from server.foundation.ids import new_id
from server.neighbor_center.bookings.booking import Wanted, book
from server.neighbor_center.bookings.kinds import SLOTS
from server.service_record.recording import record_service
from server.volunteering.sign_ups.signing_up import sign_up
from tests.builders import create_community, create_person, create_staff
from tests.check_in.builders import create_post
from tests.clients import Api
from tests.neighbor_center.builders import create_service, moment, set_clock
from tests.volunteering.builders import People, publish_shift

TOLD = 0.65
"""Share of people that a feature tells rightly, from which on it counts: half would be chance."""

_NOT_OF_THE_PERSON = ("address", "request_id", "delivery")
"""Columns that tell where a request came from, or how a message went."""

README = Path(server.check_in.__file__).with_name("README.md")


async def live(api: Api, number: int) -> tuple[set[str], set[str]]:
    """Ordinary people of one community, half of them members; who is one, and all."""
    draw = random.Random(20260227)
    set_clock("08:00")
    community = await create_community()
    staff = await create_staff(api, community)
    post = await create_post(staff, community, min(number, 500))
    service = await create_service(community, capacity=number)
    people = [await create_person(community=community) for _ in range(number)]
    resident = staff
    shift = await publish_shift(People(community, staff, resident, resident, resident), capacity=number)
    members = {person.id for person in people[::2]}
    for person in people:
        if draw.random() < 0.6:
            await sign_up(person.id, shift)
        if draw.random() < 0.6:
            await book(SLOTS, service.id, Wanted(actor_id=person.id, person_id=person.id, starts_at=moment("09:00")))
        if draw.random() < 0.3:
            await record_consent(person.id, ConsentKind.VOLUNTEER_TERMS)
        # What a year brings to everybody: service, and staff who look at who comes.
        await record_service(
            person.id,
            rule="service_noted",
            source=("service_note", new_id()),
            minutes=60,
            occurred_at=clock.now(),
            organization_id=community.id,
        )
        await record_audit(
            "view_day_booking", actor_id=staff.person_id, subject=("booking", new_id()), person_id=person.id
        )
        if person.id not in members:
            continue
        await record_consent(person.id, ConsentKind.MEMBERSHIP_DATA)
        application = CheckInApplication(
            community_id=community.id, home_text="市教育局机关党委", residence=Residence("阳光花园", "3号楼")
        )
        applied = await apply_check_in(person.id, application)
        await confirm_check_in(staff.person_id, applied.id, grid_id=None)
        if draw.random() < 0.4:
            holding = await apply_for_post(person.id, post)
            await approve_post(staff.person_id, holding.id)
    return members, {person.id for person in people}


async def what_tells(members: set[str], people: set[str]) -> set[str]:
    """Tables and values that tell who is a member, as `table` or `table.column=value`."""
    columns = await fetch(
        "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public' "
        "ORDER BY table_name, ordinal_position"
    )
    by_table: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in columns:
        by_table[row["table_name"]].append((row["column_name"], row["data_type"]))
    told: dict[str, set[str]] = defaultdict(set)
    for table, kinds in by_table.items():
        for row in await fetch(f'SELECT * FROM "{table}"'):
            named = people & {str(row[name]) for name, kind in kinds if kind == "uuid"}
            for person in named:
                told[table].add(person)
                for name, kind in kinds:
                    if kind in ("character varying", "text", "boolean") and name not in _NOT_OF_THE_PERSON:
                        told[f"{table}.{name}={row[name]}"].add(person)
    chance = len(people)
    return {
        feature
        for feature, who in told.items()
        if max(share := len(who & members) + len((people - members) - who), chance - share) / chance > TOLD
    }


@pytest.mark.timeout(900)
async def test_a_dump_tells_what_the_readme_says(api: Api) -> None:
    members, people = await live(api, 1000 if os.environ.get("LINLI_FULL_TESTS") else 60)
    found = await what_tells(members, people)
    section = README.read_text().split("**What a database dump tells.**")[1].split("\n\n")[0]
    assert found == set(re.findall(r"`([a-z_]+(?:\.[a-z_]+=\w+)?)`", section)) - {"membership"}
