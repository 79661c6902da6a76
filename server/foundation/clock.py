"""The only clock. Everything that asks for the time asks here: no SQL now(), no auto_now.

The demo and the tests can move it: the offset lives in a file of the data folder, which the server, the worker and the
WeChat simulator all read. In production there is no such file to read: `use_movable_clock` is never called.
"""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
"""What people's clocks show. Inside, times are exact instants in UTC."""

_OFFSET_FILE = "clock-offset"
_offset_path: Path | None = None
_offset_seen = (0, timedelta())


def use_movable_clock(data_dir: Path) -> None:
    """Follow the offset stored in `data_dir`. Demo and tests only."""
    global _offset_path
    data_dir.mkdir(parents=True, exist_ok=True)
    _offset_path = data_dir / _OFFSET_FILE


def now() -> datetime:
    """This instant, aware, in UTC."""
    return datetime.now(UTC) + _offset()


def real_now() -> datetime:
    """This instant, wherever the clock was moved to: for leases, which measure how long a process really takes."""
    return datetime.now(UTC)


def move_clock(offset: timedelta) -> None:
    """Set how far the clock is ahead of real time. Raises RuntimeError where the clock cannot be moved."""
    if _offset_path is None:
        raise RuntimeError("the clock cannot be moved here")
    replacement = _offset_path.with_name(f"{_OFFSET_FILE}.{os.getpid()}.{time.monotonic_ns()}")
    replacement.write_text(str(offset.total_seconds()))
    replacement.replace(_offset_path)


def offset() -> timedelta:
    """How far the clock is ahead of real time."""
    return _offset()


def is_movable() -> bool:
    return _offset_path is not None


def shanghai(moment: datetime) -> datetime:
    """The same instant as people's clocks show it."""
    return moment.astimezone(SHANGHAI)


def _offset() -> timedelta:
    """The stored offset, read again only when the file has changed."""
    global _offset_seen
    if _offset_path is None:
        return timedelta()
    try:
        changed = os.stat(_offset_path)
    except FileNotFoundError:
        return timedelta()
    # A replaced file has another inode, even within one tick of the file system's clock.
    version = changed.st_mtime_ns ^ changed.st_ino
    if version != _offset_seen[0]:
        _offset_seen = (version, timedelta(seconds=float(_offset_path.read_text())))
    return _offset_seen[1]
