"""Two persons turn out to be one."""

from collections.abc import Awaitable, Callable

from server.accounts.models import Person
from server.accounts.queries import is_family_entry
from server.accounts.sessions import end_all_sessions
from server.foundation.audit import record_audit
from server.foundation.database import execute, transaction
from server.foundation.errors import NotFound, WrongState

MERGERS: list[Callable[[str, str], Awaitable[None]]] = []
"""What features do when person `from_id` turns out to be `into_id`: move what is theirs. Filled by wiring.py."""


async def merge_persons(
    from_id: str, into_id: str, *, actor_id: str | None, organization_ids: tuple[str | None, str | None] = (None, None)
) -> None:
    """`from_id` was `into_id` all along: everything of theirs moves, sign-ins included, and the old person points on.

    `organization_ids`: for which the actor did it; the people of both organizations read of it. Raises NotFound or
    WrongState (merged already, the same person, or a family entry: with it, whoever wrote it would come to look after
    somebody who never agreed to that).
    """
    async with transaction():
        # Both rows in id order: two merges of the same pair in opposite directions must not deadlock.
        people = {
            person.id: person
            for person in await Person.filter(id__in=[from_id, into_id]).order_by("id").select_for_update()
        }
        if len(people) != 2:
            raise NotFound() if from_id != into_id else WrongState("不能与自己合并")
        if people[from_id].merged_into_id or people[into_id].merged_into_id:
            raise WrongState("其中一人已被合并")
        if await is_family_entry(from_id) or await is_family_entry(into_id):
            raise WrongState("家人资料由家人添加，不能与他人合并")
        await end_all_sessions(from_id)
        await execute(
            "UPDATE registration SET person_id = $2 WHERE person_id = $1 AND NOT EXISTS (SELECT 1 FROM registration o "
            "WHERE o.person_id = $2 AND o.organization_id = registration.organization_id)",
            from_id,
            into_id,
        )
        await execute("UPDATE wechat_identity SET person_id = $2 WHERE person_id = $1", from_id, into_id)
        await execute(
            "UPDATE dependant SET person_id = $2 WHERE person_id = $1 AND guardian_id <> $2 AND NOT EXISTS (SELECT 1 "
            "FROM dependant o WHERE o.person_id = $2 AND o.guardian_id = dependant.guardian_id AND o.ended_at IS NULL)",
            from_id,
            into_id,
        )
        for move in MERGERS:
            await move(from_id, into_id)
        old, kept = people[from_id], people[into_id]
        if kept.community_id is None:
            await Person.filter(id=into_id).update(community_id=old.community_id)
        await Person.filter(id=from_id).update(merged_into_id=into_id)
        for_old, for_kept = organization_ids
        await record_audit(
            "merge_persons",
            actor_id=actor_id,
            subject=("person", from_id),
            person_id=into_id,
            organization_id=for_kept or kept.community_id,
            and_organization_id=for_old or old.community_id,
            into=into_id,
        )
