"""What staff could decide about a held part now, told before the tap."""

from functools import partial

from server.foundation.actions import ActionView, try_each
from server.moderation.models import CheckState, Verdict
from server.moderation.queue import HeldCheckDecision, decide_check, get_reviewed

_WORDS = "试算"
"""Where a verb asks for words that are then undone."""


async def list_check_actions(reviewer_id: str, check_id: str) -> list[ActionView]:
    """Nothing where it is not held (any more), or something else has refused the whole. Raises NotFound for what is
    not the reviewer's to decide."""
    check = await get_reviewed(reviewer_id, check_id)
    if check.state is not CheckState.HELD or check.subject.verdict is Verdict.REFUSED:
        return []
    verbs = {str(each): partial(decide_check, reviewer_id, check_id, each, _WORDS) for each in HeldCheckDecision}
    return await try_each(check, verbs)
