"""Faces and plates in a case's pictures: those who dispatch and check it blur them before others see them."""

from collections.abc import Sequence

from server.foundation.audit import record_audit
from server.foundation.database import fetch, transaction
from server.foundation.errors import NotAllowed, NotFound
from server.foundation.rows import lock_row
from server.grid_cases.models import GridCase
from server.grid_cases.rules import CaseActor
from server.grid_cases.steps import actors_at, may_see
from server.media.uploads.blurring import Area, OriginalView, blur_picture, original_views


async def blur_case_picture(actor_id: str, case_id: str, picture_id: str, areas: Sequence[Area]) -> list[OriginalView]:
    """Show a picture of the case, of what was reported or of how it was handled, with these areas blurred and no
    others. Audited. Raises NotFound, NotAllowed, InvalidFields."""
    async with transaction():
        case = await _keepers_case(actor_id, case_id)
        pictures = await _pictures_of(case)
        if picture_id not in pictures:
            raise NotFound()
        await blur_picture(picture_id, areas)
        await _note("blur_case_picture", actor_id, case)
        return await original_views(pictures)


async def view_case_originals(actor_id: str, case_id: str) -> list[OriginalView]:
    """The case's pictures as they came, for those alone who may blur them. Audited. Raises NotFound, NotAllowed."""
    async with transaction():
        case = await _keepers_case(actor_id, case_id)
        await _note("view_case_originals", actor_id, case)
        return await original_views(await _pictures_of(case))


async def _keepers_case(actor_id: str, case_id: str) -> GridCase:
    # Locked, so that of two who blur the same picture each sees what the other did.
    case = await lock_row(GridCase, case_id)
    if case is None:
        raise NotFound()
    actors = await actors_at(actor_id, case_id)
    if not may_see(case, actors):
        raise NotFound()
    if CaseActor.KEEPER not in actors:
        raise NotAllowed("由受理单位的工作人员打码")
    return case


async def _pictures_of(case: GridCase) -> list[str]:
    lines = await fetch("SELECT picture_ids FROM grid_case_step WHERE case_id = $1 ORDER BY id", case.id)
    given = [*case.picture_ids, *case.answer_picture_ids, *(each for line in lines for each in line["picture_ids"])]
    return list(dict.fromkeys(given))


async def _note(action: str, actor_id: str, case: GridCase) -> None:
    await record_audit(action, actor_id=actor_id, subject=("grid_case", case.id), organization_id=case.community_id)
