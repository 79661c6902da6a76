"""What a unit can do for a community: public once the content check has passed it."""

from server.check_in.units.models import UnitCheckIn
from server.moderation.verdicts import submit_for_check

CHECKED_OFFERS = "unit_offers"
"""What the content check calls the offers of a unit check-in."""


async def offer_texts(unit_check_in_id: str) -> list[str]:
    """What the content check reads of a unit check-in."""
    unit_check_in = await UnitCheckIn.get_or_none(id=unit_check_in_id)
    return list(unit_check_in.offers) if unit_check_in else []


async def submit_offers(actor_id: str, unit_check_in: UnitCheckIn) -> None:
    await submit_for_check(CHECKED_OFFERS, unit_check_in.id, author_id=actor_id, organization_id=unit_check_in.area_id)
