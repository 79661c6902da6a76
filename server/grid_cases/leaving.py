"""When somebody leaves, what they reported goes on, and they are told no more; when two persons turn out to be one, it
moves; when an organization is closed, who takes it over has its cases."""

from server.accounts.cancelling import MatterKind, OpenMatter
from server.foundation import clock
from server.foundation.database import execute, fetch
from server.grid_cases.handling import take_back_from_closed
from server.grid_cases.models import OPEN_STATES


async def end_following_of(person_id: str) -> None:
    """In the transaction in which the person is blocked or withdraws: what they reported is the community's to finish,
    without them."""
    await execute(
        "UPDATE grid_case_follower SET ended_at = $2 WHERE person_id = $1 AND ended_at IS NULL", person_id, clock.now()
    )
    await execute("UPDATE grid_case SET shares_contact = FALSE WHERE reporter_id = $1 AND shares_contact", person_id)


async def move_cases(from_id: str, into_id: str) -> None:
    """Person `from_id` turned out to be `into_id`: what either reported, follows and handled is one person's."""
    await execute("UPDATE grid_case SET reporter_id = $2 WHERE reporter_id = $1", from_id, into_id)
    await execute("UPDATE grid_case SET recorded_by_id = $2 WHERE recorded_by_id = $1", from_id, into_id)
    await execute("UPDATE grid_case SET asked_by_id = $2 WHERE asked_by_id = $1", from_id, into_id)
    await execute("UPDATE grid_case_step SET by_id = $2 WHERE by_id = $1", from_id, into_id)
    # Both may follow one case, or one of them the other's own.
    await execute(
        "UPDATE grid_case_follower f SET ended_at = $3 WHERE person_id = ANY($4::uuid[]) AND ended_at IS NULL AND "
        "((person_id = $1 AND EXISTS (SELECT 1 FROM grid_case_follower o WHERE o.case_id = f.case_id "
        "AND o.person_id = $2 AND o.ended_at IS NULL)) "
        "OR EXISTS (SELECT 1 FROM grid_case c WHERE c.id = f.case_id AND c.reporter_id = $2))",
        from_id,
        into_id,
        clock.now(),
        [from_id, into_id],
    )
    await execute("UPDATE grid_case_follower SET person_id = $2 WHERE person_id = $1", from_id, into_id)


async def open_cases_of(person_id: str) -> list[OpenMatter]:
    """What the person reported and is not done."""
    rows = await fetch(
        "SELECT k.name FROM grid_case c JOIN case_category k ON k.id = c.category_id WHERE c.reporter_id = $1 "
        f"AND c.state IN ({OPEN_STATES}) ORDER BY c.id",
        person_id,
    )
    return [OpenMatter(MatterKind.CASE, row["name"]) for row in rows]


async def erase_cases_of(person_id: str) -> None:
    """Whatever the person wrote that is nobody else's to know, and how to reach them. What is open is still to be done,
    so its words stay until it is."""
    await execute(
        "UPDATE grid_case SET contact = NULL, rating_text = '', picture_ids = '{}', "
        f"text = CASE WHEN state IN ({OPEN_STATES}) THEN text ELSE '（反映人已注销）' END WHERE reporter_id = $1",
        person_id,
    )


async def move_cases_of_closed(organization_id: str, successor_id: str | None) -> None:
    """Who takes the closed organization over has what it kept and handled. What a closed one without a successor was
    handling goes back to who dispatched it."""
    if successor_id:
        columns = ("keeper_id", "handler_id", "holder_id", "responsible_id")
        changes = ", ".join(f"{column} = CASE WHEN {column} = $1 THEN $2 ELSE {column} END" for column in columns)
        await execute(
            f"UPDATE grid_case SET {changes} WHERE $1 IN ({', '.join(columns)}) AND state IN ({OPEN_STATES})",
            organization_id,
            successor_id,
        )
        return
    await take_back_from_closed(organization_id)
