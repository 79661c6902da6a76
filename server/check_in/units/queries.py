"""Reading unit check-ins: what everybody sees, what the liaison and the staff see, and a unit's own members."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import msgspec

from server.accounts.details import details_of
from server.accounts.masking import mask_name
from server.check_in.models import CheckInState
from server.check_in.posts.queries import list_posts_held
from server.check_in.units.contact import UnitContact, open_contact
from server.check_in.units.models import UnitCheckInState, UnitKind
from server.check_in.units.offers import CHECKED_OFFERS
from server.check_in.units.pairing import IN_FORCE
from server.foundation.audit import record_audit
from server.foundation.bounds import Moment
from server.foundation.database import fetch, fetch_one, fetch_structs
from server.foundation.dates import render_date, today
from server.foundation.errors import NotFound
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery, fetch_page, fetch_struct_page
from server.members.homes import homes_of_host
from server.members.memberships import home_index_of, open_memberships
from server.members.models import MemberKind
from server.members.queries import details_of_members
from server.moderation.verdicts import hidden_words
from server.organizations.access import LIAISONS, READERS, WORKERS, require_role_or_hide
from server.organizations.models import Level
from server.organizations.tree import within
from server.service_record.queries import ServiceTotals, service_totals


class UnitPair(msgspec.Struct):
    """A unit and a community or subdistrict that are a pair: what everybody may know. `offers` is empty until they have
    passed the content check."""

    unit_id: Id
    unit_name: str
    area_id: Id
    area_name: str
    unit_kind: UnitKind
    offers: list[str]
    starts_on: date
    ends_on: date | None


class UnitPage(msgspec.Struct):
    """A unit's public page."""

    unit_id: Id
    name: str
    pairs: list[UnitPair]


class UnitCheckInCard(msgspec.Struct, kw_only=True):
    """A unit check-in in the staff's list."""

    id: Id
    unit_name: str
    area_name: str
    unit_kind: UnitKind
    state: UnitCheckInState
    member_count: int
    starts_on: date | None
    ends_on: date | None
    applied_at: datetime
    version: int


class UnitCheckInView(UnitCheckInCard, kw_only=True):
    """A unit check-in with all that was told, for the unit's liaison and the place's staff."""

    unit_id: Id
    area_id: Id
    party_organization_id: Id
    party_organization_name: str
    contact: UnitContact
    offers: list[str]
    reason: str
    decided_at: datetime | None
    ended_at: datetime | None


class UnitMember(msgspec.Struct):
    """A member of the unit with a check-in, for its liaison: masked, with what they did."""

    membership_id: Id
    name: str
    kind: MemberKind
    community_name: str
    state: CheckInState
    checked_in_at: datetime
    times: int
    minutes: int
    points: int


class UnitMemberCheckIn(msgspec.Struct):
    """Where a member has been checked in, and when."""

    community_name: str
    state: CheckInState
    via_unit: bool
    checked_in_at: datetime
    ended_at: datetime | None


class UnitMemberDetail(msgspec.Struct):
    """One member of the unit: name in full, check-ins and service; no phone, no residence. Each view is audited."""

    membership_id: Id
    real_name: str
    kind: MemberKind
    check_ins: list[UnitMemberCheckIn]
    posts: list[str]
    service: ServiceTotals


class PeriodQuery(PageQuery, forbid_unknown_fields=True, kw_only=True):
    """Service from `since` on and before `until`; without them, all."""

    since: Moment | None = None
    until: Moment | None = None


_FROM = (
    "FROM unit_check_in c JOIN organization u ON u.id = c.unit_id JOIN organization a ON a.id = c.area_id "
    "JOIN party_organization p ON p.id = c.party_organization_id"
)
_VIEW = (
    "SELECT c.id, c.unit_id, u.name AS unit_name, c.area_id, a.name AS area_name, c.party_organization_id, "
    "p.name AS party_organization_name, c.unit_kind, c.state, c.member_count, c.contact, c.offers, c.starts_on, "
    f"c.ends_on, c.reason, c.applied_at, c.decided_at, c.ended_at, c.version {_FROM}"
)
_CARD = (
    "SELECT c.id, u.name AS unit_name, a.name AS area_name, c.unit_kind, c.state, c.member_count, c.starts_on, "
    f"c.ends_on, c.applied_at, c.version {_FROM}"
)


async def show_unit(unit_id: str) -> UnitPage:
    """A unit's public page. Raises NotFound for what is no unit."""
    row = await fetch_one("SELECT name FROM organization WHERE id = $1 AND level = $2", unit_id, str(Level.UNIT))
    if row is None:
        raise NotFound()
    return UnitPage(unit_id, row["name"], await _pairs("c.unit_id = $2", unit_id))


async def list_paired_units(area_id: str) -> list[UnitPair]:
    """The units that are paired with a community or subdistrict today, for everybody."""
    return await _pairs("c.area_id = $2", area_id)


async def list_unit_check_ins(actor_id: str, unit_id: str, page: PageQuery) -> Page[UnitCheckInView]:
    """All of a unit's check-ins, newest first, for its liaison. Raises NotFound for all others."""
    await require_role_or_hide(actor_id, unit_id, LIAISONS)
    rows = await fetch_page(
        f"{_VIEW} WHERE c.unit_id = $1 AND ($2::uuid IS NULL OR c.id < $2) ORDER BY c.id DESC LIMIT $3",
        unit_id,
        page=page,
    )
    return Page([_view(row) for row in rows.items], rows.next_cursor)


async def list_unit_check_ins_of_area(
    actor_id: str, organization_id: str, state: UnitCheckInState, page: PageQuery
) -> Page[UnitCheckInCard]:
    """Unit check-ins in an organization's subtree in one state, oldest first, for those who work there."""
    await require_role_or_hide(actor_id, organization_id, READERS)
    return await fetch_struct_page(
        UnitCheckInCard,
        f"{_CARD} WHERE {within('a.path', '$1')} AND c.state = $2 AND ($3::uuid IS NULL OR c.id > $3) "
        "ORDER BY c.id LIMIT $4",
        organization_id,
        str(state),
        page=page,
    )


async def get_unit_check_in(unit_check_in_id: str) -> UnitCheckInView:
    """One unit check-in as its liaison sees it, who wrote whom to call."""
    return _view(await fetch_one(f"{_VIEW} WHERE c.id = $1", unit_check_in_id))


async def get_unit_check_in_card(unit_check_in_id: str) -> UnitCheckInCard:
    """What the staff's list shows of one unit check-in."""
    return (await fetch_structs(UnitCheckInCard, f"{_CARD} WHERE c.id = $1", unit_check_in_id))[0]


async def view_unit_check_in(actor_id: str, unit_check_in_id: str) -> UnitCheckInView:
    """One unit check-in with whom to call, for the place's staff; the view is audited. Raises NotFound."""
    row = await fetch_one(f"{_VIEW} WHERE c.id = $1", unit_check_in_id)
    if row is None:
        raise NotFound()
    await require_role_or_hide(actor_id, row["area_id"], WORKERS)
    await record_audit(
        "view_unit_check_in",
        actor_id=actor_id,
        subject=("unit_check_in", unit_check_in_id),
        organization_id=row["area_id"],
    )
    return _view(row)


async def list_unit_members(actor_id: str, unit_id: str, query: PeriodQuery) -> Page[UnitMember]:
    """The unit's members whose check-in some community has confirmed, for its liaison. Raises NotFound for all others.

    Whose member somebody is follows from the home organization that they chose, or that staff matched.
    """
    await require_role_or_hide(actor_id, unit_id, LIAISONS)
    rows = await fetch_page(
        "SELECT m.id, c.state, c.decided_at, o.name AS community_name FROM membership m JOIN LATERAL ("
        "SELECT * FROM check_in WHERE membership_id = m.id AND state IN ('confirmed', 'ended') "
        "ORDER BY state = 'confirmed' DESC, id DESC LIMIT 1) c ON true JOIN organization o ON o.id = c.community_id "
        "WHERE m.home_index = ANY($1) AND m.ended_at IS NULL AND ($2::uuid IS NULL OR m.id > $2) "
        "ORDER BY m.id LIMIT $3",
        await _home_indexes(unit_id),
        page=query,
    )
    facts = await open_memberships([row["id"] for row in rows.items])
    details = await details_of_members(facts)
    served = {
        row["person_id"]: row
        for row in await fetch(
            "SELECT person_id, count(*) FILTER (WHERE reversal_of_id IS NULL) "
            "- count(*) FILTER (WHERE reversal_of_id IS NOT NULL) AS times, sum(minutes)::bigint AS minutes, "
            "sum(points)::bigint AS points FROM service_entry WHERE person_id = ANY($1) "
            "AND ($2::timestamptz IS NULL OR occurred_at >= $2) AND ($3::timestamptz IS NULL OR occurred_at < $3) "
            "GROUP BY person_id",
            [fact.person_id for fact in facts.values()],
            query.since,
            query.until,
        )
    }
    members = []
    for row in rows.items:
        member = facts[row["id"]]
        sums = served.get(member.person_id)
        members.append(
            UnitMember(
                membership_id=row["id"],
                name=mask_name(details[row["id"]].real_name),
                kind=member.kind,
                community_name=row["community_name"],
                state=CheckInState(row["state"]),
                checked_in_at=row["decided_at"],
                times=sums["times"] if sums else 0,
                minutes=sums["minutes"] if sums else 0,
                points=sums["points"] if sums else 0,
            )
        )
    return Page(members, rows.next_cursor)


async def view_unit_member(
    actor_id: str, unit_id: str, membership_id: str, since: datetime | None, until: datetime | None
) -> UnitMemberDetail:
    """One member of the unit, for its liaison; the view is audited. Raises NotFound, also for another unit's."""
    await require_role_or_hide(actor_id, unit_id, LIAISONS)
    found = await fetch_one(
        "SELECT 1 FROM membership WHERE id = $1 AND home_index = ANY($2) AND ended_at IS NULL",
        membership_id,
        await _home_indexes(unit_id),
    )
    check_ins = await fetch_structs(
        UnitMemberCheckIn,
        "SELECT o.name AS community_name, c.state, c.via_unit_id IS NOT NULL AS via_unit, "
        "c.decided_at AS checked_in_at, c.ended_at FROM check_in c JOIN organization o ON o.id = c.community_id "
        "WHERE c.membership_id = $1 AND c.state IN ('confirmed', 'ended') ORDER BY c.id DESC",
        membership_id,
    )
    if found is None or not check_ins:
        raise NotFound()
    member = (await open_memberships([membership_id]))[membership_id]
    await record_audit(
        "view_unit_member",
        actor_id=actor_id,
        subject=("membership", membership_id),
        person_id=member.person_id,
        organization_id=unit_id,
    )
    return UnitMemberDetail(
        membership_id=membership_id,
        real_name=(await details_of(member.person_id)).real_name,
        kind=member.kind,
        check_ins=check_ins,
        posts=await list_posts_held(membership_id),
        service=await service_totals(member.person_id, since, until),
    )


async def describe_unit_check_ins(unit_check_in_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """Words for messages: the unit, the place, the dates and the reason that was given."""
    rows = await fetch(
        "SELECT c.id, c.unit_id, u.name AS unit, a.name AS area, c.starts_on, c.ends_on, c.reason FROM unit_check_in c "
        "JOIN organization u ON u.id = c.unit_id JOIN organization a ON a.id = c.area_id WHERE c.id = ANY($1)",
        list(unit_check_in_ids),
    )
    return {row["id"]: {**row, "dates": _dates(row["starts_on"], row["ends_on"])} for row in rows}


async def _pairs(condition: str, *values: Any) -> list[UnitPair]:
    rows = await fetch(
        "SELECT c.id, c.unit_id, u.name AS unit_name, c.area_id, a.name AS area_name, c.unit_kind, c.offers, "
        f"c.starts_on, c.ends_on {_FROM} WHERE {IN_FORCE} AND {condition} ORDER BY c.id LIMIT 500",
        today(),
        *values,
    )
    hidden = await hidden_words(CHECKED_OFFERS, [row["id"] for row in rows])
    pairs = []
    for row in rows:
        pair = dict(row)
        offers = msgspec.json.decode(row["offers"], type=list[str])
        pair["offers"] = [] if pair.pop("id") in hidden else offers
        pairs.append(UnitPair(**pair))
    return pairs


async def _home_indexes(unit_id: str) -> list[bytes]:
    return [home_index_of(home_id) for home_id in await homes_of_host(unit_id)]


def _view(row: Any) -> UnitCheckInView:
    values = dict(row)
    values["contact"] = open_contact(row["id"], row["contact"])
    values["offers"] = msgspec.json.decode(row["offers"], type=list[str])
    return UnitCheckInView(**values)


def _dates(starts_on: date | None, ends_on: date | None) -> str:
    if starts_on is None:
        return ""
    first = f"{render_date(starts_on)}起"
    return first if ends_on is None else f"{first}至{render_date(ends_on)}"
