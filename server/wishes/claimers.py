"""Who would take a wish on: what is known of them, and whether they have a hand free."""

from datetime import timedelta
from typing import NamedTuple

from server.accounts.models import ConsentKind
from server.foundation import clock
from server.foundation.database import execute, fetch_one
from server.foundation.errors import NotAllowed
from server.wishes.errors import TooManyOpenClaims
from server.wishes.terms import TERMS_COLUMNS, Terms, terms_at, terms_in

_OWN = "c.claimer_id = $1 AND c.unit_id IS NULL"
_OF_UNIT = "c.unit_id = $5"


class Claimer(NamedTuple):
    """The terms in force where the wish is, and the claimer as they stand: agreed to the volunteer terms, with a phone
    and a name, and how many wishes they, or the unit, hold."""

    terms: Terms
    is_volunteer: bool
    has_phone: bool
    has_name: bool
    held: int


async def hold_hands(person_id: str, unit_id: str | None = None) -> None:
    """Nobody else counts what this person, or this unit, holds until the transaction ends. Raises NotAllowed.

    One person's taps on several wishes at once would each count the others' claims as not yet there: the person's row
    (the unit's, for a unit) makes them go one after another. It is always locked after a wish's. A person who is being
    blocked at this moment has either lost the claim with the others or finds that out here.
    """
    person = await fetch_one("SELECT closed_at FROM person WHERE id = $1 FOR NO KEY UPDATE", person_id)
    if person is None or person["closed_at"]:
        raise NotAllowed("该账号已停用")
    if unit_id:
        await execute("SELECT 1 FROM organization WHERE id = $1 FOR NO KEY UPDATE", unit_id)


async def read_claimer(
    person_id: str, community_id: str, unit_id: str | None = None, *, is_assigned: bool = False
) -> Claimer:
    """All that decides about a claim, in one look; the caller holds the hands. What somebody released within a day
    counts too, or one could go from wish to wish and read every contact; not where staff assign one."""
    row = await fetch_one(
        "SELECT EXISTS (SELECT 1 FROM consent WHERE person_id = p.id AND kind = $6 AND withdrawn_at IS NULL) "
        "AS is_volunteer, d.phone_verified_at IS NOT NULL AS has_phone, d.real_name IS NOT NULL AS has_name, "
        f"(SELECT count(*) FROM wish_claim c WHERE {_OF_UNIT if unit_id else f'{_OWN} AND $5::uuid IS NULL'} "
        "AND (c.state = 'open' OR c.state = 'released' AND c.ended_at > $3 AND NOT $4)) AS held, "
        f"{TERMS_COLUMNS} FROM person p LEFT JOIN person_details d ON d.person_id = p.id "
        f"LEFT JOIN LATERAL ({terms_at('$2')}) t ON true WHERE p.id = $1",
        person_id,
        community_id,
        clock.now() - timedelta(days=1),
        is_assigned,
        unit_id,
        str(ConsentKind.VOLUNTEER_TERMS),
    )
    assert row
    return Claimer(terms_in(row), row["is_volunteer"], row["has_phone"], row["has_name"], row["held"])


def require_free_hand(claimer: Claimer, unit_id: str | None = None) -> None:
    """Raises TooManyOpenClaims when the person, or the unit, holds as many wishes as the terms allow."""
    terms = claimer.terms
    limit, words = (terms.max_open_claims_of_unit, "一个单位最多") if unit_id else (terms.max_open_claims, "最多")
    if claimer.held >= limit:
        raise TooManyOpenClaims(f"{words}同时认领 {limit} 个心愿，一天内放弃的也计算在内", limit=limit)
