"""What other platforms read and file, in the words of Open311 GeoReport v2. Places are gcj02, as everywhere here."""

from datetime import datetime, timedelta
from typing import Any

from server.foundation import clock
from server.foundation.database import fetch, fetch_value, transaction
from server.foundation.errors import InvalidFields, NotFound
from server.foundation.ids import is_id
from server.foundation.location import Location
from server.foundation.typed import phone_number
from server.grid_cases.categories import list_categories
from server.grid_cases.contact import CaseContact, seal_contact
from server.grid_cases.lists import PUBLIC
from server.grid_cases.models import CaseKind, CasePartner, CaseSource, CaseState
from server.grid_cases.partners import status_of
from server.grid_cases.reporting import CaseContent, add_case, make_case
from server.organizations.queries import nearest_communities
from server.organizations.tree import within

SHOWN_FOR = timedelta(days=90)
MOST = 500
Request = dict[str, Any]

_REQUESTS = (
    "SELECT c.id, c.state, c.text, c.place, c.location, c.created_at, c.changed_at, c.due_at, k.code, k.name, "
    "h.name AS holder_name, CASE WHEN c.state IN ('checked', 'closed') THEN c.answer ELSE '' END AS answer "
    "FROM grid_case c JOIN case_category k ON k.id = c.category_id LEFT JOIN organization h ON h.id = c.holder_id "
    f"WHERE (c.partner_id = $1 OR ({PUBLIC} "
    f"AND c.community_id IN (SELECT b.id FROM organization b WHERE {within('b.path', '$2')}))) "
)


async def list_services() -> list[dict[str, str]]:
    """What can be reported."""
    found = await list_categories()
    names = {category.id: category.name for category in found}
    return [
        {
            "service_code": category.code,
            "service_name": category.name,
            "description": category.standard.file_when or category.name,
            "metadata": "false",
            "type": "realtime",
            "keywords": CaseKind(category.kind).word,
            "group": names.get(category.parent_id or "", ""),
        }
        for category in found
        if category.standard
    ]


async def list_requests(
    partner: CasePartner,
    *,
    ids: list[str],
    codes: list[str],
    status: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[Request]:
    """Those that the partner filed, and those of its area that everybody may see: of 90 days, unless told otherwise,
    the latest first."""
    until = until or clock.now()
    rows = await fetch(
        _REQUESTS + "AND ($3::uuid[] IS NULL OR c.id = ANY($3)) AND ($4::text[] IS NULL OR k.code = ANY($4)) "
        "AND ($5::text[] IS NULL OR c.state = ANY($5)) AND c.created_at >= $6 AND c.created_at <= $7 "
        f"ORDER BY c.id DESC LIMIT {MOST}",
        partner.id,
        partner.organization_id,
        [each for each in ids if is_id(each)] if ids else None,
        codes or None,
        [str(state) for state in CaseState if status_of(state) == status] if status else None,
        since or until - SHOWN_FOR,
        until,
    )
    return [_request(row) for row in rows]


async def get_request(partner: CasePartner, case_id: str) -> Request:
    """One of them. Raises NotFound."""
    if not is_id(case_id):
        raise NotFound()
    rows = await fetch(_REQUESTS + "AND c.id = $3", partner.id, partner.organization_id, case_id)
    if not rows:
        raise NotFound()
    return _request(rows[0])


async def file_request(partner: CasePartner, form: dict[str, str]) -> str:
    """File a case; its id. What another platform writes is the staff's alone to read, until they have taken it in.

    Raises InvalidFields, PlaceNeeded, OutsideCity.
    """
    category_id = await fetch_value(
        "SELECT id FROM case_category WHERE code = $1 AND ended_at IS NULL", form.get("service_code", "")
    )
    if category_id is None:
        raise InvalidFields.of("service_code", "没有这个类别")
    if not (text := form.get("description", "").strip()):
        raise InvalidFields.of("description", "请写明内容")
    location = _location(form)
    async with transaction():
        content = CaseContent(
            category_id=category_id,
            text=text[:1000],
            place=form.get("address_string", "").strip()[:100],
            location=location,
            community_id=await _community(partner, location),
            is_private=True,
        )
        case = await make_case(content, None)
        case.partner_id, case.source = partner.id, CaseSource.PARTNER
        name = f"{form.get('last_name', '')}{form.get('first_name', '')}".strip()[:40]
        phone = form.get("phone", "").strip()
        if name or phone:
            case.contact = seal_contact(CaseContact(name, phone_number(phone, "phone") if phone else ""))
        await add_case(case, None)
        return case.id


async def _community(partner: CasePartner, location: Location | None) -> str | None:
    """The nearest community of the partner's area; of a community's partner, that one."""
    rows = await fetch(
        f"SELECT b.id FROM organization b WHERE {within('b.path', '$1')} AND b.level = 'community' "
        "AND b.closed_at IS NULL",
        partner.organization_id,
    )
    own = {row["id"] for row in rows}
    if len(own) == 1:
        return str(next(iter(own)))
    if location is None:
        return None
    near = await nearest_communities(location.longitude, location.latitude, 5)
    return next((each.id for each in near if each.id in own), None)


def _location(form: dict[str, str]) -> Location | None:
    if not form.get("lat") or not form.get("long"):
        return None
    try:
        latitude, longitude = float(form["lat"]), float(form["long"])
    except ValueError:
        raise InvalidFields.of("lat", "坐标不正确") from None
    if not (-85 <= latitude <= 85 and -180 <= longitude <= 180):
        raise InvalidFields.of("lat", "坐标不正确")
    return Location(longitude, latitude)


def _request(row: Any) -> Request:
    state = CaseState(row["state"])
    return {
        "service_request_id": row["id"],
        "status": status_of(state),
        "status_notes": row["answer"] or state.word,
        "service_name": row["name"],
        "service_code": row["code"],
        "description": row["text"],
        "agency_responsible": row["holder_name"] or "",
        "requested_datetime": row["created_at"].isoformat(),
        "updated_datetime": row["changed_at"].isoformat(),
        "expected_datetime": row["due_at"].isoformat() if row["due_at"] else None,
        "address": row["place"],
        "lat": row["location"].latitude if row["location"] else None,
        "long": row["location"].longitude if row["location"] else None,
    }
