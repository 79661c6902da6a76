"""Where pictures' bytes lie: a local folder, or a bucket of any S3-compatible store."""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import structlog
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from server.foundation.errors import Unavailable
from server.foundation.settings import Settings

if TYPE_CHECKING:
    from obstore.store import S3Config

log = structlog.get_logger()

_CHUNK = 256 * 1024

_store: LocalStore | S3Store | None = None
_failure = ""
"""What kind the store's last failure was, where nothing has worked since."""


class StoredBytes(NamedTuple):
    """An object's size in bytes and its content, read as it is consumed."""

    size: int
    chunks: AsyncIterator[bytes]

    async def read(self) -> bytes:
        """All of it."""
        return b"".join([chunk async for chunk in self.chunks])


def connect(settings: Settings) -> None:
    """Use the bucket of the settings, or else the folder `media` in the data folder. Nothing is sent yet."""
    global _store, _failure
    _failure = ""
    _store = _bucket(settings) if settings.bucket else _folder(settings.data_dir / "media")


async def put(key: str, content: bytes) -> None:
    """Store; when this returns, the bytes outlast a power cut. Raises Unavailable."""
    store = _connected()
    try:
        await store.put_async(key, content)
    except (BaseError, OSError) as error:
        raise _failed(error) from error
    _works()
    if isinstance(store, LocalStore):
        # A bucket has stored it by now; a folder may still have it in memory only.
        await asyncio.to_thread(_flush, Path(store.prefix or ".") / key)


async def why_not_writable() -> str:
    """`ok`, or `full`, or `unwritable`, where nothing can be stored in the folder. A bucket is not asked, which would
    cost: of one it is what its last failure was, until something has worked."""
    store = _connected()
    if not isinstance(store, LocalStore):
        return _failure or "ok"
    try:
        await store.put_async(_PROBE, b"\0" * 4096)
        await store.delete_async(_PROBE)
    except (BaseError, OSError) as error:
        return "full" if "No space left" in str(error) else "unwritable"
    return "ok"


_PROBE = f"readiness/{os.getpid()}"


async def get(key: str) -> StoredBytes:
    """Open for reading. Raises FileNotFoundError when nothing lies under `key`, Unavailable when the store is gone."""
    try:
        found = await _connected().get_async(key)
    except FileNotFoundError:
        raise
    except (BaseError, OSError) as error:
        raise _failed(error) from error
    _works()
    return StoredBytes(found.meta["size"], (bytes(chunk) async for chunk in found.stream(min_chunk_size=_CHUNK)))


async def delete(key: str) -> None:
    """Remove; nothing happens when there is nothing. Raises Unavailable."""
    try:
        await _connected().delete_async(key)
    except FileNotFoundError:
        return
    except (BaseError, OSError) as error:
        raise _failed(error) from error


def _failed(error: Exception) -> Unavailable:
    """What people are told; the operator reads in the log and at `/readyz` what kind of failure it was."""
    global _failure
    _failure = kind_of(error)
    log.error("store_failed", kind=_failure)
    return Unavailable()


def _works() -> None:
    global _failure
    _failure = ""


def kind_of(error: Exception) -> str:
    """What kind of failure of the store it was, without its words, which may quote addresses."""
    cause = error.__cause__ or error
    names = {"NotFoundError": "no such bucket", "UnauthenticatedError": "credentials refused"}
    return names.get(type(cause).__name__, type(cause).__name__)


def _connected() -> LocalStore | S3Store:
    if _store is None:
        raise RuntimeError("storage.connect was not called")
    return _store


def _folder(folder: Path) -> LocalStore:
    # Not for other users of this machine: pictures are private.
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return LocalStore(folder.resolve())


def _bucket(settings: Settings) -> S3Store:
    """Settings that are empty are left to what the machine provides (AWS's usual environment or instance role)."""
    told: S3Config = {}
    if settings.s3_endpoint:
        told["endpoint"] = settings.s3_endpoint
        # The clouds of Aliyun and Tencent want the bucket in the host, and refuse it in the path.
        if (urlsplit(settings.s3_endpoint).hostname or "").startswith(f"{settings.s3_bucket}."):
            told["virtual_hosted_style_request"] = True
    if settings.s3_region:
        told["region"] = settings.s3_region
    if settings.s3_access_key_id:
        told["access_key_id"] = settings.s3_access_key_id
        told["secret_access_key"] = settings.s3_secret_access_key
    return S3Store(
        settings.s3_bucket,
        config=told,
        client_options={
            "allow_http": settings.s3_endpoint.startswith("http://"),
            "connect_timeout": timedelta(seconds=3),
            "timeout": timedelta(seconds=30),
        },
        retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=10)},
    )


def _flush(path: Path) -> None:
    """Have the file and its entry in the folder written to the disk."""
    for written in (path, path.parent):
        handle = os.open(written, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
