"""Two persons turn out to be one."""

from collections.abc import Awaitable, Callable

from server.accounts.models import Person, PersonOrigin
from server.accounts.queries import hold_communities_of, is_family_entry
from server.accounts.sessions import end_all_sessions
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import execute, fetch, transaction
from server.foundation.errors import NotFound, WrongState

MERGERS: list[Callable[[str, str], Awaitable[None]]] = []
"""What features do when person `from_id` turns out to be `into_id`: move what is theirs. Filled by wiring.py."""


async def merge_persons(
    from_id: str,
    into_id: str,
    *,
    actor_id: str | None,
    organization_id: str | None = None,
    and_organization_id: str | None = None,
) -> None:
    """`from_id` was `into_id` all along: everything of theirs moves, sign-ins included, and the old person points on.

    `organization_id`: for which the actor did it, with `and_organization_id` where the old person was another's; the
    people of both read of it. Raises NotFound or
    WrongState (merged already, the same person, or a family entry: with it, whoever wrote it would come to look after
    somebody who never agreed to that).
    """
    async with transaction():
        await hold_communities_of(from_id, into_id)
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
        await _become(people[from_id], people[into_id])
        await record_audit(
            "merge_persons",
            actor_id=actor_id,
            subject=("person", from_id),
            person_id=into_id,
            organization_id=organization_id or people[into_id].community_id,
            and_organization_id=and_organization_id or organization_id or people[from_id].community_id,
            into=into_id,
        )


async def _become(old: Person, kept: Person) -> None:
    """Everything of the old person's moves, under the lock on both."""
    await end_all_sessions(old.id)
    await execute(
        "UPDATE registration SET person_id = $2 WHERE person_id = $1 AND NOT EXISTS (SELECT 1 FROM registration o "
        "WHERE o.person_id = $2 AND o.organization_id = registration.organization_id)",
        old.id,
        kept.id,
    )
    await execute("UPDATE wechat_identity SET person_id = $2 WHERE person_id = $1", old.id, kept.id)
    await _move_family(old.id, kept.id)
    for move in MERGERS:
        await move(old.id, kept.id)
    if kept.community_id is None:
        await Person.filter(id=kept.id).update(community_id=old.community_id, grid_id=old.grid_id)
    await Person.filter(id=old.id).update(merged_into_id=kept.id)


async def _move_family(from_id: str, into_id: str) -> None:
    """Who looks after them, and whom they look after; a child that both had written down is one entry."""
    for row in await fetch(
        "SELECT p.id, other.id AS known_id FROM dependant d JOIN person p ON p.id = d.person_id "
        "JOIN person_details n ON n.person_id = p.id JOIN person_details k ON k.real_name_index = n.real_name_index "
        "JOIN person other ON other.id = k.person_id AND other.id <> p.id AND other.birth_date = p.birth_date "
        "JOIN dependant o ON o.person_id = other.id AND o.guardian_id = $2 AND o.ended_at IS NULL "
        "WHERE d.guardian_id = $1 AND d.ended_at IS NULL AND p.origin = $3 AND other.origin = $3 ORDER BY p.id",
        from_id,
        into_id,
        str(PersonOrigin.DEPENDANT),
    ):
        people = await Person.filter(id__in=[row["id"], row["known_id"]]).order_by("id").select_for_update()
        twice, known = sorted(people, key=lambda person: person.id == row["known_id"])
        await _become(twice, known)
    await execute(
        "UPDATE dependant d SET guardian_id = $2 WHERE guardian_id = $1 AND person_id <> $2 AND NOT EXISTS (SELECT 1 "
        "FROM dependant o WHERE o.guardian_id = $2 AND o.person_id = d.person_id AND o.ended_at IS NULL)",
        from_id,
        into_id,
    )
    await execute(
        "UPDATE dependant d SET person_id = $2 WHERE person_id = $1 AND guardian_id <> $2 AND NOT EXISTS (SELECT 1 "
        "FROM dependant o WHERE o.person_id = $2 AND o.guardian_id = d.guardian_id AND o.ended_at IS NULL)",
        from_id,
        into_id,
    )
    await execute(
        "UPDATE consent c SET given_by_id = $2 WHERE given_by_id = $1 AND NOT EXISTS (SELECT 1 FROM consent o "
        "WHERE o.given_by_id = $2 AND o.person_id = c.person_id AND o.kind = c.kind AND o.withdrawn_at IS NULL)",
        from_id,
        into_id,
    )
    # What is left is what both had, and the one who would look after themselves.
    now = clock.now()
    await execute(
        "UPDATE dependant SET ended_at = $2 WHERE (guardian_id = $1 OR person_id = $1) AND ended_at IS NULL",
        from_id,
        now,
    )
    await execute("UPDATE consent SET withdrawn_at = $2 WHERE given_by_id = $1 AND withdrawn_at IS NULL", from_id, now)
