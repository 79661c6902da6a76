"""Venues and services behind a shared link."""

from server.accounts.models import ConsentKind
from server.accounts.sharing import SharedCard, find_bar, make_card
from server.foundation.database import fetch_one
from server.foundation.errors import NotFound


async def show_shared_venue(person_id: str | None, venue_id: str) -> SharedCard:
    """The card of a venue, and what stands in the way of booking there. Raises NotFound once it is closed."""
    row = await fetch_one(
        "SELECT v.id, v.name, o.name AS organization_name FROM venue v "
        "JOIN organization o ON o.id = v.organization_id WHERE v.id = $1 AND v.state = 'open'",
        venue_id,
    )
    if row is None:
        raise NotFound()
    bar = await find_bar(person_id, consent=ConsentKind.PRIVACY)
    return make_card(row["id"], row["name"], row["organization_name"], bar)


async def show_shared_service(person_id: str | None, service_id: str) -> SharedCard:
    """The card of a service, and what stands in the way of booking it. Raises NotFound once its venue is closed."""
    row = await fetch_one(
        "SELECT s.id, s.name, v.name AS venue_name FROM service s JOIN venue v ON v.id = s.venue_id "
        "WHERE s.id = $1 AND v.state = 'open'",
        service_id,
    )
    if row is None:
        raise NotFound()
    bar = await find_bar(person_id, consent=ConsentKind.PRIVACY)
    return make_card(row["id"], row["name"], row["venue_name"], bar)
