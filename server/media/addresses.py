"""Signed addresses: anyone who has one sees the picture for some minutes, without a session.

An <image> of a mini-program and WeChat's picture check send no token, so the address itself is the permission. Services
give addresses only of what the caller may see.
"""

from server.foundation import clock
from server.foundation.crypto import keyring
from server.foundation.errors import NotFound
from server.foundation.ids import is_id
from server.foundation.settings import Settings
from server.media.uploads.models import Variant

SECONDS = 600
"""How long an address lives, at least, unless told otherwise."""

PATH = "/api/v1/media/"
_PURPOSE = "picture"

_base = ""


def use_base(settings: Settings) -> None:
    """Take the start of all addresses from the settings."""
    global _base
    _base = settings.public_base + PATH


def public_address(path: str) -> str:
    """An absolute address of this server, for what is printed or scanned; `path` begins with a slash."""
    return _base.removesuffix(PATH) + path


def signed_address(picture_id: str, variant: Variant = Variant.PICTURE, seconds: int = SECONDS) -> str:
    """An absolute address that works for `seconds` to one and a half times that.

    Not to the second, so that the same picture keeps its address for a while and phones find it in their cache.
    """
    step = max(seconds // 2, 1)
    expires = (int(clock.now().timestamp()) // step + 1) * step + seconds
    return _base + keyring().write_signed(f"{picture_id}.{variant}.{expires}", _PURPOSE)


def read_address(name: str) -> tuple[str, Variant, int]:
    """An address's last part → picture, variant, for how many seconds it is still valid.

    Raises NotFound when it was not made here, was changed, or has expired.
    """
    told = keyring().read_signed(name, _PURPOSE)
    if told is None:
        raise NotFound()
    picture_id, variant, expires = told.split(".")
    seconds = int(expires) - int(clock.now().timestamp())
    if seconds <= 0 or not is_id(picture_id):
        raise NotFound()
    return picture_id, Variant(variant), seconds
