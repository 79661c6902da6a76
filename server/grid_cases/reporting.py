"""A case comes in: reported by a resident, or taken down by staff; and others join it."""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from server.accounts.consents import require_consent
from server.accounts.models import ConsentKind, Person
from server.accounts.power import require_may_name
from server.calendars.working_time import Limit, Pace, due_after
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.bounds import RequiredText
from server.foundation.database import fetch_one, transaction
from server.foundation.errors import InvalidFields, NotAllowed
from server.foundation.ids import Id, new_id
from server.foundation.location import Location
from server.foundation.rows import lock_row
from server.foundation.typed import person_name, phone_number, require_no_number
from server.grid_cases import messages
from server.grid_cases.categories import standard_in_force
from server.grid_cases.contact import CaseContact, seal_contact
from server.grid_cases.errors import OutsideCity, PlaceNeeded
from server.grid_cases.models import CaseSource, CaseState, GridCase, GridCaseFollower
from server.grid_cases.queries import CaseView, get_visible_case
from server.grid_cases.rules import MAX_PICTURES, CaseAction, CaseActor
from server.grid_cases.steps import begin_step, loaded_years, stage_due_at
from server.media.uploads.uploading import attach_pictures
from server.moderation.models import Verdict
from server.moderation.verdicts import submit_for_check, verdict_of
from server.notifications.telling import notify
from server.organizations.access import GRID_WORKERS, holds_role, role_holders
from server.organizations.models import Level
from server.organizations.queries import nearest_communities, require_community, require_grid

NEAREST_WITHIN = 5_000
"""Metres within which a community takes what was found there."""
STAFF_SOURCES = (CaseSource.PHONE, CaseSource.COUNTER, CaseSource.ROUND)


class CaseContent(msgspec.Struct, kw_only=True):
    """What is written of a case. Where it is: a point, a building or words. The community is that of the building, the
    one named, the nearest, or the caller's own."""

    category_id: Id
    text: Annotated[RequiredText, msgspec.Meta(max_length=1000)]
    place: Annotated[str, msgspec.Meta(max_length=100)] = ""
    location: Location | None = None
    building_id: Id | None = None
    community_id: Id | None = None
    grid_id: Id | None = None
    picture_ids: Annotated[list[Id], msgspec.Meta(max_length=MAX_PICTURES)] = []
    is_private: bool = False
    """Seen by those alone whom it concerns."""


async def report_case(person_id: str, content: CaseContent, *, shares_contact: bool = False) -> CaseView:
    """Report something. `shares_contact`: whoever handles it may see whom to call.

    Raises ConsentNeeded, InvalidFields, PlaceNeeded, OutsideCity, PictureUnusable.
    """
    async with transaction():
        await require_consent(person_id, ConsentKind.PRIVACY)
        case = await make_case(content, await _own_community(person_id))
        case.reporter_id, case.source, case.shares_contact = person_id, CaseSource.APP, shares_contact
        await add_case(case, person_id)
        await submit_for_check(
            "grid_case",
            case.id,
            author_id=person_id,
            organization_id=case.community_id,
            picture_ids=case.picture_ids,
        )
        return await get_visible_case(person_id, case.id)


async def report_case_for(
    actor_id: str,
    content: CaseContent,
    source: CaseSource,
    *,
    person_id: str | None = None,
    name: str = "",
    phone: str = "",
    shares_contact: bool = False,
) -> CaseView:
    """Take a case down: for somebody who calls or stands at the counter (`person_id` where they are known, otherwise
    how to reach them), or found on a round.

    Raises NotAllowed, InvalidFields, PlaceNeeded, OutsideCity, PictureUnusable.
    """
    if source not in STAFF_SOURCES:
        raise InvalidFields.of("source", "请选择电话、现场或巡查")
    async with transaction():
        case = await make_case(content, await _own_community(actor_id))
        if not await holds_role(actor_id, case.grid_id or case.community_id, GRID_WORKERS):
            raise NotAllowed("您在该组织没有相应的工作权限")
        if person_id:
            await require_may_name("person_id", actor_id, person_id, GRID_WORKERS)
        case.reporter_id, case.recorded_by_id, case.source = person_id, actor_id, source
        case.shares_contact = shares_contact
        if name or phone:
            case.contact = seal_contact(
                CaseContact(person_name(name, "name") if name else "", phone_number(phone) if phone else "")
            )
        # What staff write at work is shown as it is; they blur a picture before.
        case.is_shown = True
        await add_case(case, actor_id)
        await record_audit(
            "report_case_for",
            actor_id=actor_id,
            subject=("grid_case", case.id),
            person_id=person_id,
            organization_id=case.community_id,
            source=str(source),
        )
        return await get_visible_case(actor_id, case.id)


async def settle_case_check(case_id: str) -> None:
    """The content check has an answer: others see the case once it has passed. It is handled all the same.

    Called once for each verdict, in a transaction of its own.
    """
    case = await lock_row(GridCase, case_id)
    if case is None:
        return
    case.is_shown = await verdict_of("grid_case", case_id) is Verdict.PASSED
    await case.save(update_fields=["is_shown"])


async def join_case(person_id: str, case_id: str) -> CaseView:
    """ "I met the same": follow the case, and be told once when there is an answer. Again changes nothing.

    Raises NotFound, WrongState, NotAllowed (to who reported it).
    """
    async with transaction():
        step = await begin_step(case_id, CaseAction.JOIN, person_id)
        if CaseActor.FOLLOWER not in step.actors:
            await GridCaseFollower.create(case_id=case_id, person_id=person_id)
        return await get_visible_case(person_id, case_id)


async def leave_case(person_id: str, case_id: str) -> None:
    """Follow it no more. Raises NotFound, NotAllowed, WrongState."""
    async with transaction():
        await begin_step(case_id, CaseAction.LEAVE, person_id)
        await GridCaseFollower.filter(case_id=case_id, person_id=person_id, ended_at=None).update(ended_at=clock.now())


async def _own_community(person_id: str) -> str | None:
    return (await Person.get(id=person_id)).community_id


async def make_case(content: CaseContent, own_community_id: str | None) -> GridCase:
    """The case as it comes in, for the caller to say whose it is."""
    text, place = content.text.strip(), content.place.strip()
    if not content.is_private:
        require_no_number("text", text)
        require_no_number("place", place)
    if not place and content.location is None and content.building_id is None:
        raise PlaceNeeded()
    standard = await standard_in_force(content.category_id)
    community_id, grid_id = await _where(content, own_community_id)
    now = clock.now()
    answer_limit = Limit(standard.answer_amount, Pace(standard.answer_pace))
    return GridCase(
        id=new_id(),
        community_id=community_id,
        grid_id=grid_id,
        keeper_id=community_id,
        holder_id=community_id,
        category_id=content.category_id,
        standard_id=standard.id,
        state=CaseState.REPORTED,
        is_private=content.is_private,
        text=text,
        place=place,
        location=content.location,
        building_id=content.building_id,
        picture_ids=list(dict.fromkeys(content.picture_ids)),
        answer_due_at=due_after(now, answer_limit, await loaded_years()),
        changed_at=now,
    )


async def _where(content: CaseContent, own_community_id: str | None) -> tuple[str, str | None]:
    """The community that takes it, and the grid where one is told. Raises InvalidFields, OutsideCity."""
    community_id, grid_id = content.community_id, content.grid_id
    if content.building_id:
        row = await fetch_one(
            "SELECT (SELECT c.id FROM organization c WHERE c.level = 'community' AND c.path @> b.path) "
            "AS community_id, "
            "(SELECT g.id FROM organization g WHERE g.level = 'grid' AND g.path @> b.path) AS grid_id "
            "FROM organization b WHERE b.id = $1 AND b.level = $2 AND b.closed_at IS NULL",
            content.building_id,
            str(Level.BUILDING),
        )
        if row is None or row["community_id"] is None:
            raise InvalidFields.of("building_id", "请选择楼栋")
        community_id, grid_id = row["community_id"], row["grid_id"]
    elif community_id is None and content.location:
        found = await nearest_communities(content.location.longitude, content.location.latitude, 1)
        community_id = found[0].id if found and found[0].meters <= NEAREST_WITHIN else None
    community_id = community_id or own_community_id
    if community_id is None:
        raise OutsideCity()
    await require_community(community_id)
    if grid_id:
        await require_grid(grid_id, community_id)
    return community_id, grid_id


async def add_case(case: GridCase, owner_id: str | None) -> None:
    """It is there from now on, and those who dispatch it are told. Its pictures are the owner's."""
    if owner_id:
        await attach_pictures(owner_id, case.picture_ids, ("grid_case", case.id))
    case.stage_due_at = await stage_due_at(case)
    await case.save(force_create=True)
    await notify(await _dispatchers(case), messages.REPORTED, grid_case=case.id)


async def _dispatchers(case: GridCase) -> Sequence[str]:
    return await role_holders(case.keeper_id)
