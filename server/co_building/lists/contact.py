"""Whom to call about an entry: sealed, in no list, and every look is audited."""

from typing import Annotated

import msgspec

from server.co_building.lists.models import ENTRY_CONTACT
from server.foundation.bounds import RequiredText
from server.foundation.crypto import keyring
from server.foundation.typed import phone_number


class EntryContact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[RequiredText, msgspec.Meta(max_length=40)]
    phone: Annotated[str, msgspec.Meta(min_length=7, max_length=20)]

    def __repr__(self) -> str:
        return "EntryContact(…)"


def seal_contact(entry_id: str, contact: EntryContact) -> bytes:
    """As it is stored with this entry, and no other. Raises InvalidFields."""
    phone_number(contact.phone, "contact.phone")
    return keyring().encrypt(msgspec.json.encode(contact), f"{ENTRY_CONTACT}.{entry_id}")


def open_contact(entry_id: str, sealed: bytes) -> EntryContact:
    opened = keyring().decrypt_bytes(bytes(sealed), f"{ENTRY_CONTACT}.{entry_id}")
    return msgspec.json.decode(opened, type=EntryContact)
