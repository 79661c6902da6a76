"""What everybody is told who follows a shared link or a code: a card, why there is no more to see, and what to do."""

import msgspec

from server.accounts.models import ConsentKind
from server.accounts.queries import has_consent
from server.foundation.database import fetch_one
from server.foundation.ids import Id
from server.foundation.words import Worded


class ShareBar(Worded):
    """What keeps somebody from seeing the whole, or from what the page is for; the word says what to do."""

    NOT_SIGNED_IN = "not_signed_in", "请先登录"
    COMMUNITY_NEEDED = "community_needed", "请先选择所在社区"
    GRID_NEEDED = "grid_needed", "请先选择所在网格"
    CONSENT_NEEDED = "consent_needed", "请先阅读并同意相关条款"
    OTHER_AREA = "other_area", "这是其他社区的内容，可以看看本社区的"


class SharedCard(msgspec.Struct, kw_only=True):
    """What everybody may know of a shared thing. `organization_name` is whose it is. `why` and, in words, `advice` tell
    what stands in the caller's way; None where nothing does."""

    id: Id
    title: str
    organization_name: str
    why: ShareBar | None
    advice: str


def make_card(thing_id: str, title: str, organization_name: str, why: ShareBar | None) -> SharedCard:
    """The card of one thing, with the advice that belongs to `why`."""
    return SharedCard(
        id=thing_id, title=title, organization_name=organization_name, why=why, advice=why.word if why else ""
    )


async def find_bar(
    person_id: str | None, *, area_id: str | None = None, consent: ConsentKind | None = None
) -> ShareBar | None:
    """What stands in this one's way first: signing in, living in the area, and having agreed to a text."""
    if person_id is None:
        return ShareBar.NOT_SIGNED_IN
    if area_id:
        home = await fetch_one(
            "SELECT home.id, COALESCE(area.path @> home.path, false) AS is_within, p.grid_id IS NULL "
            "AND area.path <@ home.path AS lacks_grid FROM person p JOIN organization area ON area.id = $2 "
            "LEFT JOIN organization home ON home.id = COALESCE(p.grid_id, p.community_id) WHERE p.id = $1",
            person_id,
            area_id,
        )
        if home and not home["is_within"] and home["lacks_grid"]:
            return ShareBar.GRID_NEEDED
        if home and not home["is_within"]:
            return ShareBar.OTHER_AREA if home["id"] else ShareBar.COMMUNITY_NEEDED
    if consent and not await has_consent(person_id, consent):
        return ShareBar.CONSENT_NEEDED
    return None
