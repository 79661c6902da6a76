"""Staff say who somebody is: whether one who signs in is the member on their roster, and how a name is written."""

from datetime import datetime

import msgspec

from server.accounts import messages
from server.accounts.details import details_of, save_details
from server.accounts.links import is_same, link_roster_entries
from server.accounts.masking import mask_name, mask_phone
from server.accounts.merging import merge_persons
from server.accounts.models import LinkState, Person, RosterLink
from server.accounts.power import require_power_over
from server.accounts.registry import PersonFound, show_person
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import transaction
from server.foundation.errors import NotFound, WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery, fetch_page
from server.foundation.typed import person_name
from server.notifications.telling import notify
from server.organizations.access import WORKERS, require_another, require_role, require_role_or_hide
from server.organizations.tree import within


class RosterLinkView(msgspec.Struct):
    """Somebody who signed in would be this member of a roster; masked. Both have this name and this number."""

    id: Id
    entry_id: Id
    person_id: Id
    nickname: str
    name: str
    phone: str
    organization_name: str
    created_at: datetime


async def list_roster_links(actor_id: str, organization_id: str, page: PageQuery) -> Page[RosterLinkView]:
    """Who waits for the word of an organization's staff, longest first. Raises NotAllowed."""
    await require_role(actor_id, organization_id)
    rows = await fetch_page(
        "SELECT l.id, l.entry_id, l.person_id, l.created_at, p.shown_nickname AS nickname, o.name AS organization_name "
        "FROM roster_link l JOIN person p ON p.id = l.person_id JOIN organization o ON o.id = l.organization_id "
        f"WHERE l.state = 'waiting' AND {within('o.path', '$1')} AND ($2::uuid IS NULL OR l.id > $2) "
        "ORDER BY l.id LIMIT $3",
        organization_id,
        page=page,
    )
    views = []
    for row in rows.items:
        details = await details_of(row["entry_id"])
        views.append(RosterLinkView(**dict(row), name=mask_name(details.real_name), phone=mask_phone(details.phone)))
    return Page(views, rows.next_cursor)


async def confirm_roster_link(actor_id: str, link_id: str) -> PersonFound:
    """The person is the one on the roster, as staff have asked them: what was the entry's is theirs.

    Raises NotFound, OwnMatter, WrongState (decided already, or number and name agree no longer).
    """
    async with transaction():
        link = await _lock(actor_id, link_id)
        await Person.filter(id__in=[link.entry_id, link.person_id]).order_by("id").select_for_update()
        if not await is_same(link.entry_id, link.person_id):
            raise WrongState("双方的姓名或手机号已不一致，请重新核对")
        await _decide(link, LinkState.CONFIRMED, actor_id)
        await merge_persons(
            link.entry_id,
            link.person_id,
            actor_id=actor_id,
            organization_id=link.organization_id,
        )
        real_name = (await details_of(link.person_id)).real_name
        await save_details(link.person_id, real_name=real_name, is_name_verified=True)
        await notify([link.person_id], messages.LINK_CONFIRMED, organization=link.organization_id)
        return await show_person(link.person_id)


async def refuse_roster_link(actor_id: str, link_id: str) -> None:
    """It is somebody else. Raises NotFound, OwnMatter, WrongState."""
    async with transaction():
        link = await _lock(actor_id, link_id)
        await _decide(link, LinkState.REFUSED, actor_id)
        await record_audit(
            "refuse_roster_link",
            actor_id=actor_id,
            subject=("person", link.entry_id),
            person_id=link.person_id,
            organization_id=link.organization_id,
        )
        await notify([link.person_id], messages.LINK_REFUSED, organization=link.organization_id)


async def correct_name(actor_id: str, person_id: str, real_name: str) -> PersonFound:
    """Staff have seen who somebody is, and write the name as it is; it is verified from then on, and the person told.

    Raises NotFound, OwnMatter.
    """
    require_another(actor_id, person_id)
    organization_id = await require_power_over(actor_id, person_id, WORKERS)
    async with transaction():
        await Person.filter(id=person_id).select_for_update(no_key=True).get()
        is_new = (await details_of(person_id)).real_name != person_name(real_name)
        await save_details(person_id, real_name=real_name, is_name_verified=True)
        await record_audit(
            "correct_name",
            actor_id=actor_id,
            subject=("person", person_id),
            person_id=person_id,
            organization_id=organization_id,
            is_new=is_new,
        )
        await notify([person_id], messages.NAME_CORRECTED if is_new else messages.NAME_VERIFIED)
        await link_roster_entries(person_id)
        return await show_person(person_id)


async def _lock(actor_id: str, link_id: str) -> RosterLink:
    link = await RosterLink.filter(id=link_id).select_for_update(no_key=True).get_or_none()
    if link is None:
        raise NotFound()
    await require_role_or_hide(actor_id, link.organization_id)
    require_another(actor_id, link.person_id)
    if link.state is not LinkState.WAITING:
        raise WrongState("已处理")
    return link


async def _decide(link: RosterLink, state: LinkState, actor_id: str) -> None:
    link.state, link.decided_by_id, link.decided_at = state, actor_id, clock.now()
    await link.save(update_fields=["state", "decided_by_id", "decided_at"])
