"""Where a member lives, sealed with the check-in that it was told for."""

from typing import Annotated

import msgspec

from server.foundation.bounds import RequiredText
from server.foundation.crypto import keyring

_CONTEXT = "check_in.residence"


class Residence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the member lives: estate 小区 and building 楼栋."""

    estate: Annotated[RequiredText, msgspec.Meta(max_length=50)]
    building: Annotated[str, msgspec.Meta(max_length=50)] = ""

    def __repr__(self) -> str:
        return "Residence(…)"


def open_residence(check_in_id: str, sealed: bytes) -> Residence:
    """A residence in clear; the caller audits the view."""
    return msgspec.json.decode(keyring().decrypt_bytes(bytes(sealed), f"{_CONTEXT}.{check_in_id}"), type=Residence)


def seal_residence(check_in_id: str, residence: Residence) -> bytes:
    """The residence as it is stored with this check-in, and no other."""
    return keyring().encrypt(msgspec.json.encode(residence), f"{_CONTEXT}.{check_in_id}")
