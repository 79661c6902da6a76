"""The ranking: whom it shows, what counts, ties, and that no membership can be read from it."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from server.accounts.merging import merge_persons
from server.accounts.models import Consent, ConsentKind
from server.foundation import clock
from server.foundation.database import execute, fetch
from server.foundation.ids import new_id
from server.organizations.models import Level, Organization
from server.service_record.models import RankingPlace
from server.service_record.periods import span_of
from server.service_record.recording import record_service, reverse_entry
from server.service_record.rules import RULES_FOR_MEMBERS
from tests.builders import create_community, create_organization, create_resident, create_staff
from tests.check_in.builders import application, create_member
from tests.clients import Api

MARCH = datetime(2026, 3, 10, 9, tzinfo=clock.SHANGHAI)
CONSENT = {"text_version": "1"}


async def serve(who: Api, minutes: int, occurred_at: datetime = MARCH, rule: str = "shift_attended") -> str:
    entry = await record_service(
        who.person_id, rule=rule, source=("test", new_id()), minutes=minutes, occurred_at=occurred_at
    )
    return entry.id


async def ranking(who: Api, organization: Organization, period: str = "2026-03", **query: Any) -> list[tuple[Any, ...]]:
    found = await who.get("/rankings", organization_id=organization.id, period=period, **query)
    return [(row["rank"], row["nickname"], row["points"]) for row in found["rows"]]


async def test_only_those_who_agreed_and_at_once_no_longer(api: Api) -> None:
    community = await create_community(name="竹岛社区")
    ann, bob, eve = [await create_resident(api, community, name) for name in ("安", "宝", "隐")]
    for who, minutes in ((ann, 120), (bob, 60), (eve, 600)):
        await serve(who, minutes)
    assert await ranking(ann, community) == []
    assert (await ann.get("/me/ranking"))["is_shown"] is False
    for who in (ann, bob):
        assert (await who.put("/me/ranking", CONSENT))["is_shown"] is True
    assert await Consent.filter(kind=ConsentKind.SHOW_IN_RANKING, withdrawn_at=None).count() == 2
    assert await ranking(eve, community) == [(1, "安", 20), (2, "宝", 10)]
    found = await bob.get("/rankings", organization_id=community.id, period="2026-03", limit=1)
    assert [row["nickname"] for row in found["rows"]] == ["安"]
    assert found["me"] == {"rank": 2, "nickname": "宝", "points": 10, "minutes": 60, "is_me": True}
    assert found["organization_name"] == "竹岛社区"
    assert (await eve.get("/rankings", organization_id=community.id, period="2026-03"))["me"] is None
    await ann.delete("/me/ranking", expect=204)
    await ann.delete("/me/ranking", expect=204)
    assert await ranking(eve, community) == [(1, "宝", 10)]
    # Withdrawing where all consents are withdrawn does the same.
    await bob.delete(f"/me/consents/{ConsentKind.SHOW_IN_RANKING}")
    assert await ranking(eve, community) == []
    assert (await bob.get("/me/ranking"))["is_shown"] is False


async def test_periods(api: Api) -> None:
    community = await create_community()
    me = await create_resident(api, community, "安")
    await me.put("/me/ranking", CONSENT)
    for moment in (
        datetime(2026, 2, 28, 23, 59, tzinfo=clock.SHANGHAI),
        datetime(2026, 3, 1, tzinfo=clock.SHANGHAI),
        datetime(2026, 7, 1, tzinfo=clock.SHANGHAI),
        datetime(2027, 1, 1, tzinfo=clock.SHANGHAI),
    ):
        await serve(me, 60, moment)
    expected = {"2026-02": 10, "2026-03": 10, "2026-04": 0, "2026H1": 20, "2026H2": 10, "2026": 30, "2027": 10}
    for period, points in expected.items():
        assert await ranking(me, community, period) == ([(1, "安", points)] if points else []), period
    for wrong in ("2026-13", "2026H3", "26", "2026-3", "1999"):
        await me.refused("GET", f"/rankings?organization_id={community.id}&period={wrong}", code="invalid_fields")
    assert span_of("2026-12")[1] == span_of("2027")[0]


async def test_ties_go_to_who_got_there_first(api: Api) -> None:
    community = await create_community()
    late, early, undone = [await create_resident(api, community, name) for name in ("后", "先", "冲")]
    for who in (late, early, undone):
        await who.put("/me/ranking", CONSENT)
    await serve(late, 60, MARCH)
    await serve(early, 120, MARCH + timedelta(days=1))
    await serve(late, 60, MARCH + timedelta(days=5))
    # Got there first of all, but with something that did not count.
    gone = await serve(undone, 120, MARCH - timedelta(days=5))
    await reverse_entry(gone, "dispute")
    await serve(undone, 120, MARCH + timedelta(days=3))
    # Service without points moves nobody.
    await serve(early, 0, MARCH + timedelta(days=9))
    assert await ranking(late, community) == [(1, "先", 20), (2, "冲", 20), (3, "后", 20)]


async def test_grids_and_units_are_those_that_people_name(api: Api) -> None:
    community = await create_community()
    grid = await create_organization(Level.GRID, parent=community, name="第一网格")
    far_grid = await create_organization(Level.GRID, parent=await create_community())
    unit = await create_organization(Level.UNIT, parent=community, name="市教育局")
    ann, bob = await create_resident(api, community, "安"), await create_resident(api, community, "宝")
    for who in (ann, bob):
        await serve(who, 60)
    chosen = await ann.put("/me/ranking", CONSENT | {"grid_id": grid.id, "unit_id": unit.id})
    assert (chosen["grid_name"], chosen["unit_name"]) == ("第一网格", "市教育局")
    await bob.put("/me/ranking", CONSENT)
    assert await ranking(bob, grid) == [(1, "安", 10)]
    assert await ranking(bob, unit) == [(1, "安", 10)]
    assert len(await ranking(bob, community)) == 2
    for wrong in ({"grid_id": far_grid.id}, {"grid_id": unit.id}, {"unit_id": grid.id}, {"unit_id": new_id()}):
        await bob.refused("PUT", "/me/ranking", CONSENT | wrong, code="invalid_fields")
    # Moved away: no longer shown in the old grid; the unit is the same.
    await execute("UPDATE person SET community_id = $2 WHERE id = $1", ann.person_id, far_grid.parent_id)
    assert await ranking(bob, grid) == []
    assert await ranking(bob, unit) == [(1, "安", 10)]
    subdistrict = await Organization.get(id=community.parent_id)
    for nothing in (subdistrict.id, new_id()):
        await bob.refused("GET", f"/rankings?organization_id={nothing}&period=2026", code="not_found")


async def test_no_membership_can_be_read_from_it(api: Api) -> None:
    """A member and a neighbour who did the same stand alike, whatever the member did besides as a member."""
    community = await create_community()
    staff = await create_staff(api, community)
    grid = await create_organization(Level.GRID, parent=community)
    member = await create_member(api, community)
    check_in = await member.post("/check-ins", application(community), expect=201)
    await staff.post(f"/staff/check-ins/{check_in['id']}/confirm", {"grid_id": grid.id}, expect=200)
    neighbour = await create_resident(api, community)
    for who in (member, neighbour):
        await serve(who, 75)
        await serve(who, 0, MARCH + timedelta(days=1), "wish_fulfilled")
        await who.put("/me/ranking", CONSENT)

    async def look() -> list[dict[str, Any]]:
        found = await staff.get("/rankings", organization_id=community.id, period="2026-03")
        return [{key: row[key] for key in row if key not in ("rank", "nickname")} for row in found["rows"]]

    before = await look()
    assert before[0] == before[1] == {"points": 22, "minutes": 75, "is_me": False}
    for rule in RULES_FOR_MEMBERS:
        await serve(member, 90, MARCH, rule)
    assert await look() == before
    # Being checked in to a grid shows nobody in its ranking; only the person's own word does.
    assert await ranking(staff, grid) == []
    # Whose grid is stamped on an entry is no sign either: neighbours who name one have it too.
    await neighbour.put("/me/ranking", CONSENT | {"grid_id": grid.id})
    await serve(neighbour, 60)
    await serve(member, 60)
    rows = await fetch("SELECT person_id FROM service_entry WHERE grid_id = $1", grid.id)
    assert {row["person_id"] for row in rows} >= {member.person_id, neighbour.person_id}


async def test_merged_persons_keep_their_choice(api: Api) -> None:
    community = await create_community()
    unit = await create_organization(Level.UNIT, parent=community)
    old, kept = await create_resident(api, community), await create_resident(api, community)
    await old.put("/me/ranking", CONSENT | {"unit_id": unit.id})
    await merge_persons(old.person_id, kept.person_id, actor_id=None)
    assert await RankingPlace.filter(person_id=kept.person_id).count() == 1


@pytest.mark.full
async def test_a_ranking_of_many_is_quick(api: Api) -> None:
    """1,000 people of a community are shown, of 10,000 in the city, with forty services each this year."""
    community, other = await create_community(), await create_community()
    me = await create_resident(api, community, "安")
    await execute(
        "INSERT INTO person (id, created_at, origin, nickname, shown_nickname, community_id, version) "
        "SELECT gen_random_uuid(), $1, 'wechat', n::text, n::text, "
        "CASE WHEN n <= 1000 THEN $2::uuid ELSE $3::uuid END, 1 FROM generate_series(1, 10000) n",
        MARCH,
        community.id,
        other.id,
    )
    await execute(
        "INSERT INTO consent (id, created_at, person_id, kind, text_version, given_at) "
        "SELECT gen_random_uuid(), $1, id, 'show_in_ranking', '1', $1 FROM person",
        MARCH,
    )
    await execute(
        "INSERT INTO service_entry (id, created_at, person_id, rule, rule_version, source_kind, source_id, minutes, "
        "points, occurred_at, note_code, words) SELECT gen_random_uuid(), $1, p.id, 'shift_attended', 1, 'test', "
        "gen_random_uuid(), n, n / 6, $1::timestamptz + n * interval '8 days', '', '' FROM person p, "
        "generate_series(1, 40) n",
        datetime(2026, 1, 1, tzinfo=clock.SHANGHAI),
    )
    await execute("ANALYZE")
    seconds = {}
    for period in ("2026-03", "2026H1", "2026"):
        began = clock.real_now()
        found = await me.get("/rankings", organization_id=community.id, period=period)
        seconds[period] = (clock.real_now() - began).total_seconds()
        assert len(found["rows"]) == 50
    print(seconds)  # noqa: T201 (the figures, with -s)
    assert seconds["2026-03"] < 0.5
