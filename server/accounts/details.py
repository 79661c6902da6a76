"""The one encrypted place: phone number, real name, address. Nobody else encrypts or decrypts them.

Values are brought to one form before they are indexed, so that equal ones are found (foundation/typed.py); a number
belongs to at most one person who has verified it, because the carriers reassign numbers.
"""

from collections.abc import Awaitable, Callable, Iterable

import msgspec

from server.accounts.models import PersonDetails
from server.foundation import clock
from server.foundation.crypto import keyring
from server.foundation.database import execute, fetch
from server.foundation.typed import name_key, person_name, phone_number

_PHONE_CONTEXT = "person_details.phone"
_NAME_CONTEXT = "person_details.real_name"
_ADDRESS_CONTEXT = "person_details.address"

NUMBER_LOST: list[Callable[[str, str], Awaitable[None]]] = []
"""Where else a number stands as somebody's, to be emptied once it is another's. Filled by wiring.py."""


class Details(msgspec.Struct, frozen=True):
    """Personal data in clear, for the one who is allowed to see it. Empty where unknown."""

    phone: str = ""
    real_name: str = ""
    address: str = ""
    phone_is_verified: bool = False
    name_is_verified: bool = False

    def is_named(self, name: str) -> bool:
        """Whether this is the person's name, however its spaces are written."""
        return bool(self.real_name) and name_key(self.real_name) == name_key(name)

    def __repr__(self) -> str:
        return "Details(…)"


def phone_index(phone: str) -> bytes:
    return keyring().blind_index(phone_number(phone), _PHONE_CONTEXT)


def name_index(name: str) -> bytes:
    return keyring().blind_index(name_key(name), _NAME_CONTEXT)


async def save_details(
    person_id: str,
    *,
    phone: str | None = None,
    real_name: str | None = None,
    address: str | None = None,
    is_name_verified: bool = False,
) -> None:
    """Store what is given and leave the rest. A phone stored here is not verified; a name is where staff have seen the
    person, and stays so until it changes."""
    values: dict[str, object] = {}
    if phone:
        values = _phone(phone) | {"phone_verified_at": None}
    if real_name:
        values |= {
            "real_name": keyring().encrypt(person_name(real_name), _NAME_CONTEXT),
            "real_name_index": name_index(real_name),
        }
        if is_name_verified:
            values["name_verified_at"] = clock.now()
        elif not (await details_of(person_id)).is_named(real_name):
            values["name_verified_at"] = None
    if address is not None:
        values["address"] = keyring().encrypt(address.strip(), _ADDRESS_CONTEXT) if address.strip() else None
    if values:
        await _write(person_id, values)


async def lock_phones(indexes: Iterable[bytes]) -> None:
    """Be the only one to say whose numbers these are, until the transaction ends. Before any lock on a person."""
    # In one order, so that two rosters with the same numbers do not wait for each other.
    await fetch(
        "SELECT pg_advisory_xact_lock(hashtextextended(encode(n, 'hex'), 0)) FROM unnest($1::bytea[]) AS n",
        sorted(set(indexes)),
    )


async def verify_phone(person_id: str, phone: str) -> list[str]:
    """WeChat vouches that this number is the person's now. Whoever verified it before has lost it to the carrier: it is
    theirs no longer, for nobody to call them by; who that was."""
    index = phone_index(phone)
    # Two people verify one number at once: the second waits here, and then takes it from the first.
    await lock_phones([index])
    lost = await fetch(
        "UPDATE person_details SET phone = NULL, phone_index = NULL, phone_verified_at = NULL WHERE phone_index = $1 "
        "AND person_id <> $2 AND phone_verified_at IS NOT NULL RETURNING person_id",
        index,
        person_id,
    )
    await _write(person_id, _phone(phone) | {"phone_verified_at": clock.now()})
    lost_by: list[str] = [row["person_id"] for row in lost]
    for loser in lost_by:
        for empty in NUMBER_LOST:
            await empty(loser, phone_number(phone))
    return lost_by


def _phone(phone: str) -> dict[str, object]:
    return {"phone": keyring().encrypt(phone_number(phone), _PHONE_CONTEXT), "phone_index": phone_index(phone)}


async def _write(person_id: str, values: dict[str, object]) -> None:
    await PersonDetails.get_or_create(person_id=person_id)
    await PersonDetails.filter(person_id=person_id).update(**values)


async def read_details(person_ids: Iterable[str]) -> dict[str, Details]:
    """Personal data in clear. The caller has checked who asks, and audits the view."""
    rows = await fetch(
        "SELECT person_id, phone, real_name, address, phone_verified_at, name_verified_at FROM person_details "
        "WHERE person_id = ANY($1)",
        list(person_ids),
    )
    ring = keyring()

    def clear(ciphertext: bytes | None, context: str) -> str:
        return ring.decrypt(bytes(ciphertext), context) if ciphertext else ""

    return {
        row["person_id"]: Details(
            phone=clear(row["phone"], _PHONE_CONTEXT),
            real_name=clear(row["real_name"], _NAME_CONTEXT),
            address=clear(row["address"], _ADDRESS_CONTEXT),
            phone_is_verified=row["phone_verified_at"] is not None,
            name_is_verified=row["name_verified_at"] is not None,
        )
        for row in rows
    }


def open_name(sealed: bytes | None) -> str:
    """A real name in clear, from its column; empty where unknown. The caller masks it, or has checked who asks."""
    return keyring().decrypt(bytes(sealed), _NAME_CONTEXT) if sealed else ""


async def details_of(person_id: str) -> Details:
    """One person's data in clear; empty where nothing is known. See read_details."""
    return (await read_details([person_id])).get(person_id, Details())


async def empty_details(person_id: str, *columns: str) -> None:
    """Forget these columns of what is known of the person."""
    await execute(
        f"UPDATE person_details SET {', '.join(f'{column} = NULL' for column in columns)} WHERE person_id = $1",
        person_id,
    )


async def empty_address(person_id: str) -> None:
    """Where the person lives is forgotten."""
    await empty_details(person_id, "address")
