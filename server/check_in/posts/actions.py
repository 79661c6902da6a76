"""What a member, and the community's staff, could do with a post or somebody's holding of it now, told before the
tap."""

from server.check_in.posts.holding import (
    PostContent,
    apply_for_post,
    approve_post,
    change_post,
    close_post,
    end_holding,
    leave_post,
    refuse_post,
)
from server.check_in.posts.models import HoldingState, Post, PostHolding
from server.check_in.posts.queries import get_holding_card, get_post, list_my_holdings
from server.foundation.actions import ActionView, Verb, try_each, try_out
from server.foundation.errors import NotFound
from server.members.memberships import membership_of
from server.organizations.access import require_role, require_role_or_hide

_WORDS = "试算"
"""Where a verb asks for words that are then undone."""


async def list_post_actions(person_id: str, post_id: str) -> list[ActionView]:
    """Whether one could apply for the post, or may leave it. Raises NotFound."""
    membership_id = await membership_of(person_id)
    mine = (
        await PostHolding.get_or_none(
            post_id=post_id, membership_id=membership_id, state__in=[HoldingState.APPLIED, HoldingState.HELD]
        )
        if membership_id
        else None
    )
    if mine:
        return await list_holding_actions(person_id, mine.id)
    found = await try_out("apply", lambda: apply_for_post(person_id, post_id))
    if found.why == NotFound.code:
        raise NotFound()
    return [found]


async def list_holding_actions(person_id: str, holding_id: str) -> list[ActionView]:
    """Whether the member could take the application back, or give the post up. Raises NotFound."""
    membership_id = await membership_of(person_id)
    seen = await list_my_holdings(membership_id, holding_id) if membership_id else []
    if not seen:
        raise NotFound()
    return await try_each(seen[0], {"leave": lambda: leave_post(person_id, holding_id, _WORDS)})


async def list_post_actions_of_staff(actor_id: str, post_id: str) -> list[ActionView]:
    """What the community's staff could do with a post. Raises NotFound, NotAllowed."""
    post = await Post.get_or_none(id=post_id)
    if post is None:
        raise NotFound()
    await require_role(actor_id, post.community_id)
    seen = await get_post(post_id)
    same = PostContent(**{name: getattr(seen, name) for name in PostContent.__struct_fields__})
    verbs: dict[str, Verb] = {
        "change": lambda: change_post(actor_id, post_id, post.version, same),
        "close": lambda: close_post(actor_id, post_id),
    }
    return await try_each(seen, verbs)


async def list_holding_actions_of_staff(actor_id: str, holding_id: str) -> list[ActionView]:
    """What the community's staff could do with an application for a post, or with who holds it. Raises NotFound to all
    others."""
    holding = await PostHolding.get_or_none(id=holding_id).select_related("post")
    if holding is None:
        raise NotFound()
    await require_role_or_hide(actor_id, holding.post.community_id)
    verbs: dict[str, Verb] = {
        "approve": lambda: approve_post(actor_id, holding_id),
        "refuse": lambda: refuse_post(actor_id, holding_id, _WORDS),
        "end": lambda: end_holding(actor_id, holding_id, _WORDS),
    }
    return await try_each(await get_holding_card(holding_id), verbs)
