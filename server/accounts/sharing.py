"""What everybody is told who follows a shared link or a code: a card, why there is no more to see, and what to do."""

from typing import NamedTuple

import msgspec

from server.accounts.consent_texts import text_of
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


class Bar(NamedTuple):
    """What stands in somebody's way, if anything does; where it is a text to agree to, which."""

    why: ShareBar | None = None
    consent: ConsentKind | None = None

    @property
    def advice(self) -> str:
        """What to do, in words."""
        if self.consent:
            return f"请先阅读并同意《{text_of(self.consent).title}》"
        return self.why.word if self.why else ""


class SharedCard(msgspec.Struct, kw_only=True):
    """What everybody may know of a shared thing. `organization_name` is whose it is. `why` and, in words, `advice` tell
    what stands in the caller's way, None where nothing does; `consent` is the text to agree to, where that is why."""

    id: Id
    title: str
    organization_name: str
    why: ShareBar | None
    advice: str
    consent: ConsentKind | None


def make_card(thing_id: str, title: str, organization_name: str, bar: Bar) -> SharedCard:
    """The card of one thing, with what stands in the way."""
    return SharedCard(
        id=thing_id,
        title=title,
        organization_name=organization_name,
        why=bar.why,
        advice=bar.advice,
        consent=bar.consent,
    )


async def find_bar(person_id: str | None, *, area_id: str | None = None, consent: ConsentKind | None = None) -> Bar:
    """What stands in this one's way first: signing in, living in the area, and having agreed to a text."""
    if person_id is None:
        return Bar(ShareBar.NOT_SIGNED_IN)
    if area_id:
        home = await fetch_one(
            "SELECT home.id, COALESCE(area.path @> home.path, false) AS is_within, p.grid_id IS NULL "
            "AND area.path <@ home.path AS lacks_grid FROM person p JOIN organization area ON area.id = $2 "
            "LEFT JOIN organization home ON home.id = COALESCE(p.grid_id, p.community_id) WHERE p.id = $1",
            person_id,
            area_id,
        )
        if home and not home["is_within"] and home["lacks_grid"]:
            return Bar(ShareBar.GRID_NEEDED)
        if home and not home["is_within"]:
            return Bar(ShareBar.OTHER_AREA if home["id"] else ShareBar.COMMUNITY_NEEDED)
    if consent and not await has_consent(person_id, consent):
        return Bar(ShareBar.CONSENT_NEEDED, consent)
    return Bar()
