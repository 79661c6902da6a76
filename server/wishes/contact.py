"""The private part of a wish: whom to call and where to go. Encrypted, shown to few, and every view is audited."""

from datetime import datetime, timedelta

import msgspec

from server.accounts.details import details_of
from server.accounts.queries import describe_persons
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.crypto import keyring
from server.foundation.database import execute, fetch, transaction
from server.foundation.errors import NotAllowed, NotFound
from server.foundation.typed import phone_number
from server.wishes.errors import TooManyContacts
from server.wishes.models import Wish
from server.wishes.rules import WishActor, may_see, may_see_contact
from server.wishes.steps import find_wish
from server.wishes.terms import terms_of

_ADDRESS_CONTEXT = "wish.address"
_PHONE_CONTEXT = "wish.phone"


class WishContact(msgspec.Struct):
    """What is needed to fulfil a wish, in clear. Empty where nothing is known."""

    name: str
    phone: str
    address: str


class ContactViewed(msgspec.Struct):
    """Somebody has opened the contact of a wish: the one who fulfils it, or the staff."""

    nickname: str
    is_staff: bool
    at: datetime


def seal_contact(wish: Wish, *, address: str | None, phone: str | None) -> None:
    """Put the wish's own address and phone into it, encrypted; None leaves what is there, empty takes it away.

    Raises InvalidFields when the phone cannot be one.
    """
    if address is not None:
        address = address.strip()
        wish.address = keyring().encrypt(address, _ADDRESS_CONTEXT) if address else None
    if phone is not None:
        phone = phone.strip()
        wish.phone = keyring().encrypt(phone_number(phone), _PHONE_CONTEXT) if phone else None


def open_contact(address: bytes | None, phone: bytes | None) -> tuple[str, str]:
    """A wish's own address and phone in clear, for those who may see them; empty where it has none."""
    return _open(address, _ADDRESS_CONTEXT), _open(phone, _PHONE_CONTEXT)


async def empty_lost_number(person_id: str, phone: str) -> None:
    """The number is somebody else's now: no wish of the person's gives it to a claimer any longer."""
    rows = await fetch(
        "SELECT id, phone FROM wish WHERE (author_id = $1 OR beneficiary_id = $1) AND phone IS NOT NULL "
        # In the order of ids, as everybody locks several wishes.
        "ORDER BY id FOR NO KEY UPDATE",
        person_id,
    )
    lost = [row["id"] for row in rows if _open(row["phone"], _PHONE_CONTEXT) == phone]
    await execute("UPDATE wish SET phone = NULL WHERE id = ANY($1)", lost)


async def view_wish_contact(person_id: str, wish_id: str) -> WishContact:
    """Name, phone and address, for the claimer while they fulfil the wish, for the wisher and for the staff.

    Where the wish itself has none, the beneficiary's own are told, or the phone of the author who stands in. Raises
    NotFound where the wish is not visible, NotAllowed where only this part is not, TooManyContacts for a claimer who
    has opened as many today as the community allows.
    """
    async with transaction():
        # Locked, so that nobody is shown an address while the claim that entitles them is being given up.
        wish, _, actors = await find_wish(wish_id, person_id, lock=True)
        if not may_see(wish.state, actors):
            raise NotFound()
        if not may_see_contact(wish.state, actors):
            raise NotAllowed("只有认领人在完成心愿期间可以查看联系方式")
        if wish.handed_to_staff_at and not actors & {WishActor.STAFF, WishActor.STAND_IN, WishActor.WISHER}:
            # Whoever wished no longer agrees, or is gone: what rested on that ends, and the claimer asks the staff.
            raise NotAllowed("许愿人已退出，请与社区联系")
        author_id, beneficiary_id = wish.author_id, wish.beneficiary_id
        if actors & {WishActor.CLAIMER} and not actors & {WishActor.STAFF}:
            await _require_not_too_many(person_id, wish)
        if person_id != beneficiary_id:
            await record_audit(
                "view_wish_contact",
                actor_id=person_id,
                subject=("wish", wish_id),
                person_id=beneficiary_id,
                organization_id=wish.community_id,
                viewer=next(
                    str(actor) for actor in (WishActor.CLAIMER, WishActor.STAFF, WishActor.WISHER) if actor in actors
                ),
            )
        own = await details_of(beneficiary_id)
        phone = _open(wish.phone, _PHONE_CONTEXT) or own.phone
        if not phone and author_id != beneficiary_id:
            phone = (await details_of(author_id)).phone
        return WishContact(own.real_name, phone, _open(wish.address, _ADDRESS_CONTEXT) or own.address)


async def list_contact_views(person_id: str, wish_id: str) -> list[ContactViewed]:
    """Who has opened the contact of one's wish, the last first. Raises NotFound for wishes that are not one's own."""
    _, _, actors = await find_wish(wish_id, person_id)
    if WishActor.WISHER not in actors:
        raise NotFound()
    rows = await fetch(
        "SELECT actor_id, created_at, details->>'viewer' AS viewer FROM audit_entry WHERE subject_id = $1 "
        "AND action = 'view_wish_contact' ORDER BY id DESC LIMIT 50",
        wish_id,
    )
    people = await describe_persons({row["actor_id"] for row in rows})
    return [
        ContactViewed(people[row["actor_id"]]["nickname"], row["viewer"] == WishActor.STAFF, row["created_at"])
        for row in rows
    ]


async def _require_not_too_many(person_id: str, wish: Wish) -> None:
    # Two of one's requests at once would each not count the other.
    await fetch("SELECT 1 FROM person WHERE id = $1 FOR NO KEY UPDATE", person_id)
    rows = await fetch(
        "SELECT DISTINCT subject_id FROM audit_entry WHERE actor_id = $1 AND action = 'view_wish_contact' "
        "AND created_at > $2",
        person_id,
        clock.now() - timedelta(days=1),
    )
    limit = (await terms_of(wish.community_id)).contacts_a_day
    opened = {row["subject_id"] for row in rows}
    if wish.id not in opened and len(opened) >= limit:
        raise TooManyContacts(limit=limit)


def _open(ciphertext: bytes | None, context: str) -> str:
    return keyring().decrypt(bytes(ciphertext), context) if ciphertext else ""
