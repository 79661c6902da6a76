"""Codes that are shown to be scanned or passed on: `PREFIX.told.window.signature`, another one in every window of time.

Only this deployment can make one, and it is taken in its own window and in the next, for phones that are late: a
picture of it is soon of no use.
"""

from datetime import UTC, datetime
from typing import NamedTuple

from server.foundation.crypto import keyring


class ReadCode(NamedTuple):
    """What a genuine code says, and in which window it was shown."""

    told: list[str]
    window: int


class RotatingCode(NamedTuple):
    """One kind of code. What it tells are ids and words without a dot; `seconds` is how long a window lasts."""

    prefix: str
    purpose: str
    seconds: int

    def write(self, window: int, *told: str) -> str:
        return f"{self.prefix}.{keyring().write_signed('.'.join((*told, str(window))), self.purpose)}"

    def read(self, text: str) -> ReadCode | None:
        """What the code says, whenever it was made; None when it is none of ours."""
        prefix, _, signed = text.partition(".")
        message = keyring().read_signed(signed, self.purpose) if prefix == self.prefix else None
        if message is None:
            return None
        *told, window = message.split(".")
        return ReadCode(told, int(window))

    def window_at(self, moment: datetime) -> int:
        """The number of the window that `moment` lies in."""
        return int(moment.timestamp()) // self.seconds

    def ends_at(self, window: int) -> datetime:
        """When the code of this window is replaced."""
        return datetime.fromtimestamp((window + 1) * self.seconds, UTC)

    def is_current(self, window: int, now: datetime) -> bool:
        """Whether a code of this window is taken at `now`: the running window and its neighbours. The one before was
        scanned and is sent late; the one after is of a server whose clock is ahead of ours."""
        return abs(self.window_at(now) - window) <= 1
