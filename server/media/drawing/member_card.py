"""The card with which a member shows who they are 亮身份."""

from collections.abc import Sequence

import msgspec

from server.media.drawing.qr import qr_as_svg
from server.media.drawing.typesetting import typeset_picture

_MOST_POSTS = 4


class MemberCard(msgspec.Struct, frozen=True):
    """What is written on a card; `address` is what its code opens, `valid_until` a time of day."""

    name: str
    community: str
    since: str
    posts: Sequence[str]
    address: str
    valid_until: str


class _Page(MemberCard, frozen=True, kw_only=True):
    qr: str


async def draw_member_card(card: MemberCard) -> bytes:
    """The card as PNG, 900 × 1350 pixels, for a phone's screen."""
    shown = list(card.posts[:_MOST_POSTS])
    if len(card.posts) > _MOST_POSTS:
        shown[-1] = f"等 {len(card.posts)} 个岗位"
    # The white plaque around the code is its quiet zone.
    page = _Page(**msgspec.structs.asdict(card) | {"posts": shown}, qr=qr_as_svg(card.address, quiet_zone=0))
    return await typeset_picture("member-card", page)
