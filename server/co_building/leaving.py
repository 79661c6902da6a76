"""When an organization is closed, who takes it over has its entries; without one they end."""

from server.co_building.claims.claiming import end_claims_of_entry
from server.foundation import clock
from server.foundation.database import execute, fetch


async def move_entries_of_closed(organization_id: str, successor_id: str | None) -> None:
    if successor_id:
        for column in ("owner_id", "reviewer_id"):
            await execute(
                f"UPDATE list_entry SET {column} = $2, version = version + 1 WHERE {column} = $1 AND state <> 'closed'",
                organization_id,
                successor_id,
            )
        await execute("UPDATE list_claim SET claimant_id = $2 WHERE claimant_id = $1", organization_id, successor_id)
        return
    for row in await fetch(
        "SELECT id FROM list_entry WHERE owner_id = $1 AND state <> 'closed' ORDER BY id", organization_id
    ):
        await end_claims_of_entry(row["id"], "发布方已撤销")
    await execute(
        "UPDATE list_entry SET state = 'closed', closed_at = $2, reason = '发布方已撤销', version = version + 1 "
        "WHERE owner_id = $1 AND state <> 'closed'",
        organization_id,
        clock.now(),
    )
