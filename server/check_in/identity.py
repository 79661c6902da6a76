"""Being visible 亮身份: a member shows who they are, by a card whose code anybody can verify. (Policy section 6.)

Only with the member's own consent, and for minutes: the code is a ciphertext that only this deployment makes, and says
nothing by itself. Anyone who verifies it reads a masked name, the community and the posts, and nothing once the
consent, the check-in or its time is over.
"""

import base64
import binascii
from datetime import UTC, datetime, timedelta

import msgspec

from server.accounts.consents import require_consent
from server.accounts.details import details_of
from server.accounts.masking import mask_name
from server.accounts.models import Consent, ConsentKind
from server.check_in.posts.queries import list_posts_held
from server.foundation import clock
from server.foundation.crypto import Undecryptable, keyring
from server.foundation.database import fetch_one
from server.foundation.dates import render_month
from server.foundation.errors import NotFound
from server.foundation.ids import decode_id, encode_id
from server.media.addresses import public_address
from server.media.drawing.fonts import require_glyphs
from server.media.drawing.member_card import MemberCard, draw_member_card
from server.members.memberships import member_person, membership_of

VALID_FOR = timedelta(minutes=5)
"""How long a code can be verified."""

_CONTEXT = "identity_card"
_LONGEST = 200
_EPOCH, _TICK = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


class _Shown(msgspec.Struct, kw_only=True):
    """What is on a card: of an active check-in."""

    name: str
    community: str
    since: datetime
    posts: list[str]


class IdentityCard(_Shown, kw_only=True):
    """What a member shows now. `address` is for anybody's browser; `code` for `GET /identity-cards/<code>`."""

    code: str
    address: str
    expires_at: datetime


class VerifiedIdentity(msgspec.Struct):
    """What somebody learns who verifies a code: no more than was shown."""

    name: str
    community: str
    posts: list[str]
    expires_at: datetime


async def show_identity(person_id: str) -> IdentityCard:
    """A card with a fresh code; its name is in full, for the member's own phone.

    Raises ConsentNeeded, and NotFound without an active check-in.
    """
    await require_consent(person_id, ConsentKind.SHOW_IDENTITY)
    membership_id = await membership_of(person_id)
    shown = await _shown(membership_id, person_id) if membership_id else None
    if membership_id is None or shown is None:
        raise NotFound("报到经社区确认后，才能亮身份")
    issued_at = clock.now()
    code = _seal(membership_id, issued_at)
    return IdentityCard(
        code=code,
        address=public_address(f"/api/v1/identity-cards/{code}/page"),
        expires_at=issued_at + VALID_FOR,
        **msgspec.structs.asdict(shown),
    )


async def draw_identity_card(person_id: str) -> bytes:
    """The same as a picture. Raises what show_identity does, and GlyphMissing."""
    card = await show_identity(person_id)
    require_glyphs(card.name)
    drawn = MemberCard(
        name=card.name,
        community=card.community,
        since=render_month(card.since),
        posts=card.posts,
        address=card.address,
        valid_until=f"{clock.shanghai(card.expires_at):%H:%M}",
    )
    return await draw_member_card(drawn)


async def verify_identity(code: str) -> VerifiedIdentity:
    """Whose code this is, for anybody. Raises NotFound, whatever the reason."""
    membership_id, issued_at = _open(code)
    if not issued_at <= clock.now() < issued_at + VALID_FOR:
        raise NotFound("身份码已过期，请对方重新出示")
    row = await fetch_one("SELECT 1 FROM membership WHERE id = $1 AND ended_at IS NULL", membership_id)
    if row is None:
        raise NotFound()
    person_id = await member_person(membership_id)
    consent = await Consent.filter(
        person_id=person_id, kind=ConsentKind.SHOW_IDENTITY, withdrawn_at=None, given_at__lte=issued_at
    ).first()
    shown = await _shown(membership_id, person_id) if consent else None
    if shown is None:
        raise NotFound()
    return VerifiedIdentity(mask_name(shown.name), shown.community, shown.posts, issued_at + VALID_FOR)


async def _shown(membership_id: str, person_id: str) -> _Shown | None:
    row = await fetch_one(
        "SELECT o.name AS community, c.decided_at FROM check_in c JOIN organization o ON o.id = c.community_id "
        "WHERE c.membership_id = $1 AND c.state = 'confirmed'",
        membership_id,
    )
    if row is None:
        return None
    name = (await details_of(person_id)).real_name
    posts = await list_posts_held(membership_id)
    return _Shown(name=name, community=row["community"], since=row["decided_at"], posts=posts)


def _seal(membership_id: str, issued_at: datetime) -> str:
    told = decode_id(membership_id) + ((issued_at - _EPOCH) // _TICK).to_bytes(8, "big")
    return base64.urlsafe_b64encode(keyring().encrypt(told, _CONTEXT)).rstrip(b"=").decode()


def _open(code: str) -> tuple[str, datetime]:
    try:
        if len(code) > _LONGEST:
            raise NotFound()
        told = keyring().decrypt_bytes(base64.urlsafe_b64decode(code + "=" * (-len(code) % 4)), _CONTEXT)
    except (Undecryptable, binascii.Error, ValueError):
        raise NotFound() from None
    return encode_id(told[:16]), _EPOCH + int.from_bytes(told[16:], "big") * _TICK
