"""What managers decide about wishes: how many one may hold, and for how long. Terms hold for a whole subtree, until
something below has its own."""

from typing import Annotated, Any

import msgspec

from server.foundation.audit import record_audit
from server.foundation.database import IntegrityError, fetch_one, transaction
from server.foundation.errors import EditedMeanwhile
from server.foundation.ids import Id
from server.organizations.access import READERS, require_role
from server.organizations.models import RoleKind
from server.organizations.tree import reaching
from server.wishes.models import CONTACTS_A_DAY, FirstClaim, WishTerms
from server.wishes.rules import CLAIM_DAYS, MAX_OPEN_CLAIMS, MAX_OPEN_CLAIMS_OF_UNIT


class Terms(msgspec.Struct, kw_only=True):
    """Open claims of one person and of one unit at a time (with those released within a day); the days that a claim has
    at most; of how many wishes one person may open the contact within a day; and who may claim a first wish."""

    max_open_claims: Annotated[int, msgspec.Meta(ge=1, le=20)] = MAX_OPEN_CLAIMS
    max_open_claims_of_unit: Annotated[int, msgspec.Meta(ge=1, le=200)] = MAX_OPEN_CLAIMS_OF_UNIT
    claim_days: Annotated[int, msgspec.Meta(ge=3, le=60)] = CLAIM_DAYS
    contacts_a_day: Annotated[int, msgspec.Meta(ge=1, le=100)] = CONTACTS_A_DAY
    first_claim: FirstClaim = FirstClaim.NAMED


class TermsView(Terms, kw_only=True):
    """The terms in force; `organization_id` is whose they are, null where nobody has set any. `version` is that of the
    organization's own, 0 where it has none."""

    organization_id: Id | None
    version: int


async def terms_of(community_id: str) -> Terms:
    """The terms in force at an organization: its own, or those of the nearest one above that has some."""
    found = await _find(community_id)
    return found[0] if found else Terms()


async def get_wish_terms(actor_id: str, organization_id: str) -> TermsView:
    """The terms in force, for those who work there. Raises NotAllowed."""
    await require_role(actor_id, organization_id, READERS)
    own = await WishTerms.get_or_none(organization_id=organization_id)
    found = await _find(organization_id)
    terms, whose = found or (Terms(), None)
    return TermsView(**msgspec.structs.asdict(terms), organization_id=whose, version=own.version if own else 0)


async def set_wish_terms(actor_id: str, organization_id: str, version: int, terms: Terms) -> TermsView:
    """Terms of the organization's own, for what is claimed from now on; `version` 0 where it had none.

    Raises NotAllowed, EditedMeanwhile.
    """
    await require_role(actor_id, organization_id, (RoleKind.MANAGER,))
    values = {name: getattr(terms, name) for name in Terms.__struct_fields__}
    async with transaction():
        if version:
            changed = await WishTerms.filter(organization_id=organization_id, version=version).update(
                **values, version=version + 1
            )
            if not changed:
                raise EditedMeanwhile()
        else:
            try:
                async with transaction():
                    await WishTerms.create(organization_id=organization_id, **values)
            except IntegrityError:
                # Another manager set the first ones.
                raise EditedMeanwhile() from None
        await record_audit(
            "set_wish_terms",
            actor_id=actor_id,
            subject=("organization", organization_id),
            organization_id=organization_id,
            **values,
        )
        return await get_wish_terms(actor_id, organization_id)


TERMS_COLUMNS = ", ".join(f"t.{name}" for name in Terms.__struct_fields__)


def terms_at(organization: str) -> str:
    """SQL: the row of terms in force at an organization, if there is any."""
    return (
        "SELECT t.* FROM wish_terms t JOIN organization o ON o.id = t.organization_id "
        f"WHERE {reaching('o.path', organization)} ORDER BY nlevel(o.path) DESC LIMIT 1"
    )


def terms_in(row: Any) -> Terms:
    """The terms of a row with TERMS_COLUMNS; all are null where nobody has set any."""
    if row["max_open_claims"] is None:
        return Terms()
    values = {name: row[name] for name in Terms.__struct_fields__}
    return Terms(**values | {"first_claim": FirstClaim(row["first_claim"])})


async def _find(organization_id: str) -> tuple[Terms, str] | None:
    row = await fetch_one(terms_at("$1"), organization_id)
    return (terms_in(row), row["organization_id"]) if row else None
