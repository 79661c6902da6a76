"""Words that staff often answer with 常用答复, each for one thing that they do: an organization's own, and those of the
ones above it."""

import msgspec

from server.foundation.audit import record_audit
from server.foundation.database import fetch_structs, transaction
from server.foundation.errors import InvalidFields, NotFound, WrongState
from server.foundation.ids import Id
from server.foundation.typed import seen_text
from server.organizations.access import require_role, require_role_or_hide
from server.organizations.models import Reply
from server.organizations.tree import reaching

LONGEST = 500
MOST = 30
"""Of an organization for one thing."""


class ReplyView(msgspec.Struct):
    id: Id
    text: str
    organization_name: str


async def list_replies(person_id: str, organization_id: str, operation: str) -> list[ReplyView]:
    """For those who work there. Raises NotAllowed."""
    await require_role(person_id, organization_id)
    return await fetch_structs(
        ReplyView,
        "SELECT r.id, r.text, o.name AS organization_name FROM reply r JOIN organization o ON o.id = r.organization_id "
        f"WHERE r.operation = $2 AND {reaching('o.path', '$1')} ORDER BY r.id",
        organization_id,
        operation,
    )


async def add_reply(person_id: str, organization_id: str, operation: str, text: str) -> None:
    """For all who work there and below. Raises NotAllowed, InvalidFields, WrongState where there are too many."""
    await require_role(person_id, organization_id)
    text = text.strip()
    if not seen_text(text) or len(text) > LONGEST:
        raise InvalidFields.of("text", f"1 至 {LONGEST} 个字")
    async with transaction():
        if await Reply.filter(organization_id=organization_id, operation=operation).count() >= MOST:
            raise WrongState(f"最多 {MOST} 条，请先移除不用的")
        made = await Reply.create(organization_id=organization_id, operation=operation, text=text)
        await _record("add_reply", person_id, made)


async def remove_reply(person_id: str, reply_id: str) -> None:
    """Nobody is offered it any more. Raises NotFound."""
    async with transaction():
        kept = await Reply.get_or_none(id=reply_id)
        if kept is None:
            raise NotFound()
        await require_role_or_hide(person_id, kept.organization_id)
        await kept.delete()
        await _record("remove_reply", person_id, kept)


async def _record(action: str, person_id: str, reply: Reply) -> None:
    await record_audit(
        action,
        actor_id=person_id,
        subject=("reply", reply.id),
        organization_id=reply.organization_id,
        operation=reply.operation,
    )
