"""Whose a booking or a sign-up is, in messages to a family: two children may have the same hour."""

from collections.abc import Sequence
from typing import Any

from server.accounts.details import read_details


def relative(of: str, by: str) -> str:
    """SQL: `relative_id`, who it is of, where somebody who looks after them, or did, acted for them."""
    return (
        f"CASE WHEN EXISTS (SELECT 1 FROM dependant d WHERE d.guardian_id = {by} AND d.person_id = {of}) "
        f"THEN {of} END AS relative_id"
    )


async def whose_words(rows: Sequence[Any]) -> dict[str, dict[str, str]]:
    """The id of each row with a `relative_id` → whose it is: `whose` stands behind its name, `whose_first` begins its
    brackets; both are empty where it is one's own. For the family's own messages only."""
    named = await read_details({row["relative_id"] for row in rows if row["relative_id"]})
    words = {}
    for row in rows:
        name = named[row["relative_id"]].real_name if row["relative_id"] in named else ""
        words[row["id"]] = {"whose": f"（{name}）" if name else "", "whose_first": f"{name}，" if name else ""}
    return words
