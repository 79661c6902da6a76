"""What somebody could do with an entry now, told before the tap."""

from functools import partial

from server.co_building.lists import entries
from server.co_building.lists.queries import get_entry
from server.co_building.lists.rules import EntryAction
from server.foundation.actions import ActionView, try_each

_WORDS = "试算"
"""Where a verb asks for words that are then undone."""


async def list_entry_actions(person_id: str, entry_id: str) -> list[ActionView]:
    """Each tried. Raises NotFound."""
    entry = await get_entry(person_id, entry_id)
    return await try_each(
        entry,
        {
            "change": partial(entries.begin_entry, person_id, entry_id, EntryAction.CHANGE),
            "submit": partial(entries.submit_entry, person_id, entry_id),
            "approve": partial(entries.approve_entry, person_id, entry_id),
            "return": partial(entries.return_entry, person_id, entry_id, _WORDS),
            "close": partial(entries.close_entry, person_id, entry_id, _WORDS),
        },
    )
