"""Finding somebody who has business here, and all that concerns them on one page."""

from typing import Any

from sanic.response import HTTPResponse

from server.console.rendering import render
from server.console.visits import Visit, form_of
from server.foundation.errors import Refusal


async def find_people(visit: Visit) -> HTTPResponse:
    """Those who have business here, by name or phone number; looking is in the audit log."""
    found: list[Any] = []
    refusal = None
    wanted = (form_of(visit.request).get("wanted") or "").strip()
    if wanted:
        try:
            if any(sign.isdigit() for sign in wanted):
                found = [await visit.perform("find_person", {}, {}, {"phone": wanted})]
            else:
                found = (await visit.perform("find_persons_by_name", {}, {}, {"real_name": wanted})).items
        except Refusal as error:
            refusal = error
    return render(
        visit.request,
        "people.html",
        status=refusal.status if refusal else 200,
        visit=visit,
        wanted=wanted,
        found=found,
        refusal=refusal,
    )


async def show_person(visit: Visit, person_id: str) -> HTTPResponse:
    """All that concerns somebody here, masked until it is asked for; both are in the audit log."""
    page = await visit.perform("view_person", {"person_id": person_id})
    details = None
    if form_of(visit.request).get("details"):
        details = await visit.perform("view_person_details", {"person_id": person_id})
    return render(visit.request, "person.html", visit=visit, page=page, details=details)
