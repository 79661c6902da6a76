"""What it comes to, for each community, by index; and the terms that managers set."""

from datetime import date, datetime, timedelta
from typing import Any

from server.foundation import clock
from server.foundation.database import execute
from server.foundation.dates import today
from server.organizations.models import Organization, RoleKind
from server.wishes.models import WishState
from tests.builders import create_community, create_staff
from tests.clients import Api
from tests.plans import listening, read_by, refresh
from tests.wishes.builders import create_people, put_wish

FIGURES = "/staff/wishes/figures"


def noon(day: date, days: float = 0) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=clock.SHANGHAI) + timedelta(days=days)


async def test_figures_of_a_community(api: Api) -> None:
    people = await create_people(api)
    since = today() - timedelta(days=60)
    published = noon(since)

    async def fulfilled(to_claim: float, to_fulfil: float, *, wished_for: int, rating: int | None) -> None:
        await put_wish(
            people,
            WishState.FULFILLED,
            first_published_at=published,
            first_claimed_at=published + timedelta(days=to_claim),
            fulfilled_at=published + timedelta(days=to_fulfil),
            wished_by=since + timedelta(days=wished_for),
            claim={"rating": rating},
        )

    await fulfilled(1, 3, wished_for=10, rating=5)
    await fulfilled(2, 8, wished_for=8, rating=4)
    await fulfilled(4, 20, wished_for=19, rating=None)
    await put_wish(people, WishState.CLAIMED, first_published_at=published, first_claimed_at=published)
    await put_wish(people, WishState.EXPIRED, first_published_at=published)
    await put_wish(people, WishState.SUBMITTED)
    await put_wish(people, WishState.PUBLISHED, first_published_at=noon(since, -1))
    expected = {
        "published": 5,
        "claimed": 4,
        "fulfilled": 3,
        "median_days_to_claim": 1.5,
        "median_days_to_fulfil": 8.0,
        "percent_in_time": 66.7,
        "average_stars": 4.5,
        "rating_count": 2,
    }
    period: dict[str, Any] = {"since": since.isoformat(), "until": today().isoformat()}
    total = await people.staff.get(f"{FIGURES}/total", organization_id=people.community.id, **period)
    assert total == expected
    (row,) = (await people.staff.get(FIGURES, organization_id=people.community.id, **period))["items"]
    assert row == expected | {"community_id": people.community.id, "community_name": "幸福社区"}
    wider: dict[str, Any] = {"since": (since - timedelta(days=1)).isoformat()}
    total = await people.staff.get(f"{FIGURES}/total", organization_id=people.community.id, **period | wider)
    assert total["published"] == 6


async def test_figures_of_a_subdistrict_by_community(api: Api) -> None:
    people = await create_people(api)
    subdistrict = await Organization.get(id=people.community.parent_id)
    empty = await create_community(parent=subdistrict)
    above = await create_staff(api, subdistrict, RoleKind.OBSERVER)
    await put_wish(people, WishState.PUBLISHED)
    period: dict[str, Any] = {"since": today().isoformat(), "until": today().isoformat()}
    rows = (await above.get(FIGURES, organization_id=subdistrict.id, **period))["items"]
    assert {row["community_id"]: row["published"] for row in rows} == {people.community.id: 1, empty.id: 0}
    nothing = next(row for row in rows if row["community_id"] == empty.id)
    assert (nothing["median_days_to_claim"], nothing["percent_in_time"], nothing["average_stars"]) == (None, None, None)
    first = await above.get(FIGURES, organization_id=subdistrict.id, limit=1)
    rest = await above.get(FIGURES, organization_id=subdistrict.id, limit=1, cursor=first["next_cursor"])
    assert [row["community_id"] for row in first["items"] + rest["items"]] == [row["community_id"] for row in rows]
    for path in (FIGURES, f"{FIGURES}/total"):
        await people.staff.refused("GET", f"{path}?organization_id={subdistrict.id}", code="not_allowed")
        wrong = f"{path}?organization_id={subdistrict.id}&since=2026-01-02&until=2026-01-01"
        await above.refused("GET", wrong, code="invalid_fields")


async def test_figures_come_from_an_index(api: Api) -> None:
    people = await create_people(api)
    await execute(
        "INSERT INTO wish (id, created_at, author_id, beneficiary_id, community_id, state, kind, audience, title, "
        "text, place, picture_ids, wished_by, reason, version, quantity, escalation, first_published_at) "
        "SELECT gen_random_uuid(), $1, $2, $2, CASE number % 5 WHEN 0 THEN $3::uuid ELSE $4::uuid END, 'expired', "
        "'thing', 'other', 'x', 'x', '', '{}', $5, '', 1, 1, 0, $1::timestamptz - number * interval '1 hour' "
        "FROM generate_series(1, 12000) number",
        clock.now(),
        people.wisher.person_id,
        people.community.id,
        (await create_community()).id,
        today(),
    )
    await refresh("wish")
    period: dict[str, Any] = {"since": (today() - timedelta(days=9)).isoformat(), "until": today().isoformat()}
    for path in (FIGURES, f"{FIGURES}/total"):
        with listening() as asked:
            await people.staff.get(path, organization_id=people.community.id, **period)
        [reading] = [await read_by(sql, *values) for sql, values in asked if "percentile_cont" in sql]
        # Some 50 wishes of the community, or 250 of all, are in those ten days; it has 2,400, and there are 12,000.
        reading.check(spare=1000)


async def test_managers_set_the_terms(api: Api) -> None:
    people = await create_people(api)
    subdistrict = await Organization.get(id=people.community.parent_id)
    manager = await create_staff(api, subdistrict, RoleKind.MANAGER)
    path = "/staff/wishes/terms"
    shown = await people.staff.get(path, organization_id=people.community.id)
    assert shown == {
        "max_open_claims": 3,
        "max_open_claims_of_unit": 20,
        "claim_days": 14,
        "contacts_a_day": 10,
        "first_claim": "named",
        "organization_id": None,
        "version": 0,
    }
    terms = {"organization_id": subdistrict.id, "version": 0, "max_open_claims": 1, "claim_days": 5}
    await people.staff.refused("PUT", path, terms, code="not_allowed")
    for wrong in ({"max_open_claims": 0}, {"claim_days": 61}, {"max_open_claims_of_unit": 201}):
        await manager.refused("PUT", path, terms | wrong, code="invalid_fields")
    assert (await manager.put(path, terms))["version"] == 1
    await manager.refused("PUT", path, terms, code="edited_meanwhile")
    await manager.refused("PUT", path, terms | {"version": 7}, code="edited_meanwhile")
    # They hold for every community below that has none of its own.
    inherited = await people.staff.get(path, organization_id=people.community.id)
    assert (inherited["max_open_claims"], inherited["organization_id"], inherited["version"]) == (1, subdistrict.id, 0)
    wishes = [await put_wish(people, WishState.PUBLISHED) for _ in range(2)]
    claimed = await people.claimer.post(f"/wishes/{wishes[0]}/claim")
    due_at = datetime.fromisoformat(claimed["claim"]["due_at"])
    assert clock.shanghai(due_at).date() == today() + timedelta(days=6)
    refused = await people.claimer.refused("POST", f"/wishes/{wishes[1]}/claim", code="too_many_open_claims")
    assert refused["limit"] == 1
    own = {"organization_id": people.community.id, "version": 0, "max_open_claims": 2}
    await manager.put(path, own)
    await people.claimer.post(f"/wishes/{wishes[1]}/claim")
