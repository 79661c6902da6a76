"""Whom to call at a unit, sealed with the check-in that it was told for."""

from typing import Annotated

import msgspec

from server.foundation.bounds import RequiredText
from server.foundation.crypto import keyring
from server.foundation.typed import phone_number

_CONTEXT = "unit_check_in.contact"


class UnitContact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to call at the unit; kept encrypted."""

    name: Annotated[RequiredText, msgspec.Meta(max_length=40)]
    phone: Annotated[str, msgspec.Meta(min_length=7, max_length=20)]

    def __repr__(self) -> str:
        return "UnitContact(…)"


def open_contact(unit_check_in_id: str, sealed: bytes) -> UnitContact:
    """The contact in clear; the caller audits the view."""
    opened = keyring().decrypt_bytes(bytes(sealed), f"{_CONTEXT}.{unit_check_in_id}")
    return msgspec.json.decode(opened, type=UnitContact)


def seal_contact(unit_check_in_id: str, contact: UnitContact) -> bytes:
    """The contact as it is stored with this check-in, and no other. Raises InvalidFields."""
    phone_number(contact.phone, "contact.phone")
    return keyring().encrypt(msgspec.json.encode(contact), f"{_CONTEXT}.{unit_check_in_id}")
