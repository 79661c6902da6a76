"""Writing the lists: an entry is drafted, submitted, looked at by somebody else, open, and ends; last half-year's are
renewed. The entry's row is the lock of everything."""

from datetime import date, timedelta
from typing import Annotated, Any

import msgspec

from server.background.sweeps import due_sweep
from server.co_building.access import level_of, people_of, require_works_for, works_for
from server.co_building.claims.claiming import end_claims_of_entry
from server.co_building.claims.queries import has_accepted_claim
from server.co_building.lists import messages, queries
from server.co_building.lists.contact import EntryContact, open_contact, seal_contact
from server.co_building.lists.models import EntryState, ListCategory, ListEntry, ListKind
from server.co_building.lists.queries import EntryCard, EntryView
from server.co_building.lists.rules import ENTRY_TABLE, EntryAction, EntryActor
from server.co_building.pairings import UnitNotPaired, pairs_of
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.bounds import RequiredText
from server.foundation.database import fetch, transaction
from server.foundation.dates import day_of, today
from server.foundation.errors import EditedMeanwhile, InvalidFields, NotFound, Refusal
from server.foundation.rows import lock_row, write_together
from server.notifications.telling import notify
from server.organizations.access import LIAISONS, WORKERS, holds_role, require_another, require_role, role_holders
from server.organizations.models import Level
from server.organizations.queries import get_organization, hold_organization
from server.service_record.periods import half_year_of, read_half_year

_OWNERS = (Level.SUBDISTRICT, Level.COMMUNITY, Level.UNIT)


class AlreadyRenewed(Refusal):
    code, title, status = "already_renewed", "上一期的条目已经续报过了", 409


class EntryContent(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What an entry says: `quantity` `measure` (3 场) of it, when, where, for whom, and whom to call."""

    kind: ListKind
    category: ListCategory
    title: Annotated[RequiredText, msgspec.Meta(max_length=40)]
    text: Annotated[RequiredText, msgspec.Meta(max_length=1000)]
    quantity: Annotated[int, msgspec.Meta(ge=1, le=100_000)]
    measure: Annotated[RequiredText, msgspec.Meta(max_length=8)]
    available_from: date | None = None
    available_until: date | None = None
    place: Annotated[str, msgspec.Meta(max_length=60)] = ""
    audience: Annotated[str, msgspec.Meta(max_length=60)] = ""
    contact: EntryContact


async def draft_entry(actor_id: str, owner_id: str, content: EntryContent) -> EntryView:
    """A new entry of an organization's list, of the half-year that it is. Raises NotFound, NotAllowed, InvalidFields,
    WrongState for an organization that is closed."""
    owner = await get_organization(owner_id)
    if owner.level not in _OWNERS:
        raise InvalidFields.of("owner_id", "请选择街道、社区或单位")
    await require_works_for(actor_id, owner_id)
    async with transaction():
        await hold_organization(owner_id)
        entry = ListEntry(owner_id=owner_id, period=half_year_of(clock.now()).code)
        _fill(entry, content)
        await write_together(entry)
        await audit_entry("draft_list_entry", actor_id, entry)
        return await queries.get_entry(actor_id, entry.id)


async def change_entry(actor_id: str, entry_id: str, version: int, content: EntryContent) -> EntryView:
    """Change a draft. Raises NotFound, WrongState, EditedMeanwhile, InvalidFields."""
    async with transaction():
        entry = await begin_entry(actor_id, entry_id, EntryAction.CHANGE)
        if version != entry.version:
            raise EditedMeanwhile()
        _fill(entry, content)
        return await _finish("change_list_entry", actor_id, entry)


async def submit_entry(actor_id: str, entry_id: str) -> EntryView:
    """Have it looked at: by the place's own staff, a unit's by those of the place that it is paired with. Raises
    NotFound, WrongState, UnitNotPaired."""
    async with transaction():
        entry = await begin_entry(actor_id, entry_id, EntryAction.SUBMIT)
        await _submit(entry, actor_id, await _reviewer_of(entry.owner_id))
        return await _finish("submit_list_entry", actor_id, entry)


async def approve_entry(actor_id: str, entry_id: str) -> EntryView:
    """It is right: now it is open to all. Raises NotFound, WrongState, OwnMatter for who submitted it."""
    async with transaction():
        entry = await begin_entry(actor_id, entry_id, EntryAction.APPROVE)
        require_another(actor_id, entry.submitted_by_id)
        entry.decided_by_id, entry.opened_at, entry.reason = actor_id, clock.now(), ""
        await notify(await people_of(entry.owner_id), messages.OPENED, list_entry=entry.id)
        return await _finish("approve_list_entry", actor_id, entry)


async def return_entry(actor_id: str, entry_id: str, reason: str) -> EntryView:
    """It goes back to be changed. Raises NotFound, WrongState, OwnMatter."""
    async with transaction():
        entry = await begin_entry(actor_id, entry_id, EntryAction.RETURN)
        require_another(actor_id, entry.submitted_by_id)
        entry.decided_by_id, entry.reason = actor_id, reason
        await notify(await people_of(entry.owner_id), messages.RETURNED, list_entry=entry.id)
        return await _finish("return_list_entry", actor_id, entry)


async def close_entry(actor_id: str, entry_id: str, reason: str) -> EntryView:
    """The owner ends it; it stays on record. Raises NotFound, WrongState."""
    async with transaction():
        entry = await begin_entry(actor_id, entry_id, EntryAction.CLOSE)
        entry.closed_at, entry.ended_by_id, entry.reason = clock.now(), actor_id, reason
        await end_claims_of_entry(entry.id, "该条目已结束")
        return await _finish("close_list_entry", actor_id, entry)


async def renew_entries(actor_id: str, owner_id: str) -> list[EntryCard]:
    """Last half-year's entries that were open go on in this one, submitted at once; what their owner ended does not.

    Raises NotAllowed, UnitNotPaired, WrongState for a closed organization, AlreadyRenewed.
    """
    await require_works_for(actor_id, owner_id)
    now = half_year_of(clock.now())
    async with transaction(list_entry_renewed_once=AlreadyRenewed):
        await hold_organization(owner_id)
        last = await ListEntry.filter(
            owner_id=owner_id, period=now.preceding.code, opened_at__isnull=False, ended_by_id=None
        ).order_by("id")
        if not last:
            return []
        reviewer_id, renewed = await _reviewer_of(owner_id), []
        for old in last:
            entry = ListEntry(owner_id=owner_id, period=now.code, renewed_from_id=old.id)
            _fill(entry, _content_of(old))
            entry.state = EntryState.REVIEW
            await _submit(entry, actor_id, reviewer_id)
            await write_together(entry)
            await audit_entry("submit_list_entry", actor_id, entry)
            renewed.append(entry.id)
        return await queries.get_cards(renewed)


async def invite_lists(actor_id: str, organization_id: str) -> int:
    """Staff ask the communities below and the units paired with them for this half-year's lists; how many are asked.
    Raises NotFound, NotAllowed."""
    await require_role(actor_id, organization_id, WORKERS)
    async with transaction():
        below = await fetch(
            "SELECT o.id FROM organization o JOIN organization a ON o.path <@ a.path WHERE a.id = $1 "
            "AND o.level IN ('subdistrict', 'community') AND o.closed_at IS NULL ORDER BY o.id",
            organization_id,
        )
        places = [row["id"] for row in below]
        units = sorted({pair["unit_id"] for pair in await pairs_of(*places)})
        told = {person for place in places for person in await role_holders(place)}
        told |= {person for unit in units for person in await role_holders(unit, LIAISONS)}
        await notify(sorted(told - {actor_id}), messages.INVITED, organization=organization_id)
        await record_audit(
            "invite_lists",
            actor_id=actor_id,
            subject=("organization", organization_id),
            organization_id=organization_id,
            asked=len(places) + len(units),
        )
        return len(places) + len(units)


async def view_entry_contact(actor_id: str, entry_id: str) -> EntryContact:
    """Whom to call, for who wrote it, the staff who look at it, and whose claim of it was accepted; audited.
    Raises NotFound."""
    async with transaction():
        entry = await lock_row(ListEntry, entry_id)
        if entry is None:
            raise NotFound()
        if not await actors_of(actor_id, entry) and not await has_accepted_claim(actor_id, entry_id):
            raise NotFound()
        await audit_entry("view_list_contact", actor_id, entry)
        return open_contact(entry.id, entry.contact)


async def _lapse(row: Any) -> None:
    entry = await ListEntry.get(id=row["id"])
    entry.state = ENTRY_TABLE.next_state(EntryState(entry.state), EntryAction.LAPSE, [EntryActor.SYSTEM])
    entry.closed_at = clock.now()
    entry.version += 1
    await entry.save()
    await audit_entry("lapse_list_entry", None, entry)
    await end_claims_of_entry(entry.id, "该条目已到期")
    await notify(await people_of(entry.owner_id), messages.LAPSED, list_entry=entry.id)


LAPSE_ENTRIES = due_sweep(
    "list_entries_lapse",
    timedelta(minutes=5),
    rows="list_entry",
    where="state <> 'closed'",
    due="expires_on",
    before=today,
    do=_lapse,
)
"""Entries whose last day is over end."""


async def begin_entry(actor_id: str, entry_id: str, action: EntryAction) -> ListEntry:
    """The entry under lock, in the state to which the action leads. Raises NotFound, NotAllowed, WrongState."""
    # The race: two who review it, an owner who ends it meanwhile. The second one reads what became of it.
    entry = await lock_row(ListEntry, entry_id)
    if entry is None:
        raise NotFound()
    actors = await actors_of(actor_id, entry)
    if not actors and entry.opened_at is None:
        raise NotFound()
    entry.state = ENTRY_TABLE.next_state(EntryState(entry.state), action, actors)
    return entry


async def actors_of(person_id: str, entry: ListEntry) -> set[EntryActor]:
    """In which qualities somebody acts on the entry."""
    actors = set()
    if await works_for(person_id, entry.owner_id):
        actors.add(EntryActor.OWNER)
    if entry.reviewer_id and await holds_role(person_id, entry.reviewer_id, WORKERS):
        actors.add(EntryActor.REVIEWER)
    return actors


async def audit_entry(action: str, actor_id: str | None, entry: ListEntry) -> None:
    await record_audit(
        action,
        actor_id=actor_id,
        subject=("list_entry", entry.id),
        organization_id=entry.owner_id,
        and_organization_id=entry.reviewer_id,
        state=str(entry.state),
    )


async def _finish(action: str, actor_id: str, entry: ListEntry) -> EntryView:
    entry.version += 1
    await write_together(entry)
    await audit_entry(action, actor_id, entry)
    return await queries.get_entry(actor_id, entry.id)


async def _submit(entry: ListEntry, actor_id: str, reviewer_id: str) -> None:
    entry.submitted_by_id, entry.submitted_at, entry.reviewer_id = actor_id, clock.now(), reviewer_id
    entry.reason = ""
    await notify(await people_of(reviewer_id), messages.TO_REVIEW, list_entry=entry.id, owner=entry.owner_id)


async def _reviewer_of(owner_id: str) -> str:
    if await level_of(owner_id) is not Level.UNIT:
        return owner_id
    pairs = await pairs_of(owner_id, hold=True)
    if not pairs:
        raise UnitNotPaired()
    return str(pairs[0]["area_id"])


def _fill(entry: ListEntry, content: EntryContent) -> None:
    starts_on, ends_on = content.available_from, content.available_until
    if ends_on and ends_on < max(starts_on or today(), today()):
        raise InvalidFields.of("available_until", "结束日期不能早于开始日期，也不能早于今天")
    for name in EntryContent.__struct_fields__:
        if name != "contact":
            setattr(entry, name, getattr(content, name))
    entry.contact = seal_contact(entry.id, content.contact)
    last_day = day_of(read_half_year(entry.period).ends_at - timedelta(days=1))
    entry.expires_on = min(ends_on, last_day) if ends_on else last_day


def _content_of(old: ListEntry) -> EntryContent:
    """What last half-year's entry says of this one: its days are over."""
    told = {name: getattr(old, name) for name in EntryContent.__struct_fields__ if not name.startswith("available")}
    told["contact"] = open_contact(old.id, old.contact)
    return EntryContent(**told | {"available_from": None, "available_until": None})
