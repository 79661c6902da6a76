"""Taking pictures in, tying them to what they belong to, showing them by signed address, and removing unused ones."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, NamedTuple

from server.background.sweeps import due_sweep
from server.foundation import clock
from server.foundation.database import execute, fetch, fetch_one, fetch_value, transaction
from server.foundation.errors import FieldProblem, NotFound, Refusal, TooLarge, TooManyRequests, Unavailable
from server.media import storage
from server.media.addresses import read_address
from server.media.storage import StoredBytes
from server.media.uploads.models import STORED, Picture, PictureFormat, PictureState, Variant
from server.media.uploads.pictures import MAX_BYTES, prepare_picture
from server.media.uploads.queries import PictureView, describe_picture

UNUSED_FOR = timedelta(days=1)
"""How long a picture may belong to nothing."""

TOO_LARGE = "图片不能超过 10 MB"

MAX_UNUSED = 100
"""Pictures that one person may have uploaded without using them."""

# Decoding takes up to some 300 MB a picture, so only two at once, however many arrive.
decoders = ThreadPoolExecutor(2, thread_name_prefix="picture")

_WHOLE = {
    Variant.BLURRED: Variant.PICTURE,
    Variant.ORIGINAL: Variant.PICTURE,
    Variant.BLURRED_THUMBNAIL: Variant.THUMBNAIL,
    Variant.ORIGINAL_THUMBNAIL: Variant.THUMBNAIL,
}
_BLURRED = {Variant.PICTURE: Variant.BLURRED, Variant.THUMBNAIL: Variant.BLURRED_THUMBNAIL}


class PictureUnusable(Refusal):
    """A picture that is unknown, another person's, used elsewhere or about to be removed; `errors` tells which."""

    code, title, status = "picture_unusable", "图片不可用，请重新上传", 422


class OpenPicture(NamedTuple):
    """A stored picture on its way out; the address stays valid for `seconds`."""

    content_type: str
    size: int
    seconds: int
    chunks: AsyncIterator[bytes]


async def upload_picture(owner_id: str, data: bytes) -> PictureView:
    """Take a picture in; it is private, and vanishes after a day unless it is attached.

    Raises TooLarge, UnsupportedType, PictureUnreadable, TooManyPixels, TooManyRequests or Unavailable.
    """
    if len(data) > MAX_BYTES:
        raise TooLarge(TOO_LARGE)
    unused = await fetch_value(
        "SELECT count(*) FROM picture WHERE owner_id = $1 AND unused_since IS NOT NULL", owner_id
    )
    if unused >= MAX_UNUSED:
        raise TooManyRequests("已上传但未使用的图片过多，请稍后再试")
    prepared = await asyncio.get_running_loop().run_in_executor(decoders, prepare_picture, data)
    # The row is committed first: wherever this is cut off, the sweep finds the row and, by it, the bytes.
    picture = await Picture.create(
        owner_id=owner_id,
        format=prepared.format,
        width=prepared.width,
        height=prepared.height,
        size_bytes=len(prepared.picture),
        sha256=prepared.sha256,
        unused_since=clock.now(),
    )
    await storage.put(key_of(picture.id, Variant.PICTURE, prepared.format), prepared.picture)
    await storage.put(key_of(picture.id, Variant.THUMBNAIL, prepared.format), prepared.thumbnail)
    if not await execute("UPDATE picture SET state = 'ready' WHERE id = $1 AND state = 'uploading'", picture.id):
        # It took so long that the sweep took it for dead, and may have come before our bytes did.
        await _delete_bytes(picture.id, prepared.format)
        raise Unavailable()
    return describe_picture(picture.id, prepared.width, prepared.height)


async def attach_pictures(owner_id: str, picture_ids: Sequence[str], subject: tuple[str, str]) -> None:
    """Tie the owner's pictures to a subject, (kind, id), in the caller's transaction; to the same one again is fine.

    Raises PictureUnusable.
    """
    if not picture_ids:
        return
    async with transaction():
        # Locked against the sweep, which may be about to remove one, and against a second subject; in the order of ids.
        rows = await fetch(
            "SELECT id, owner_id, state, subject_kind, subject_id FROM picture WHERE id = ANY($1::uuid[]) "
            "ORDER BY id FOR UPDATE",
            list(picture_ids),
        )
        usable = {
            row["id"]
            for row in rows
            if row["owner_id"] == owner_id
            and row["state"] == PictureState.READY
            and (row["subject_id"] is None or (row["subject_kind"], row["subject_id"]) == subject)
        }
        problems = [
            FieldProblem(f"picture_ids.{position}", "图片不存在或已被使用")
            for position, picture_id in enumerate(picture_ids)
            if picture_id not in usable or picture_id in picture_ids[:position]
        ]
        if problems:
            raise PictureUnusable(errors=problems)
        await execute(
            "UPDATE picture SET subject_kind = $2, subject_id = $3, unused_since = NULL WHERE id = ANY($1::uuid[])",
            list(picture_ids),
            *subject,
        )


async def change_pictures(owner_id: str, before: Sequence[str], after: Sequence[str], subject: tuple[str, str]) -> None:
    """Tie to the subject what is new in `after`, the owner's own, and untie what it had `before` and has no more.

    Raises PictureUnusable.
    """
    await attach_pictures(owner_id, [picture_id for picture_id in after if picture_id not in before], subject)
    await detach_pictures([picture_id for picture_id in before if picture_id not in after], subject)


async def detach_pictures(picture_ids: Sequence[str], subject: tuple[str, str]) -> None:
    """Untie pictures from the subject; unless they are attached again, they vanish after a day."""
    if not picture_ids:
        return
    await execute(
        "UPDATE picture SET subject_kind = NULL, subject_id = NULL, unused_since = $4 "
        "WHERE id = ANY($1::uuid[]) AND subject_kind = $2 AND subject_id = $3",
        list(picture_ids),
        *subject,
        clock.now(),
    )


async def remove_pictures_of(owner_id: str) -> None:
    """The owner is gone: their pictures vanish with the next sweep, but for those of an organization's things."""
    await execute(
        "UPDATE picture SET subject_kind = NULL, subject_id = NULL, unused_since = $2 WHERE owner_id = $1 "
        "AND (subject_kind IS NULL OR subject_kind NOT IN ('activity', 'activity_recap', 'venue', 'grid_case_step'))",
        owner_id,
        clock.now() - UNUSED_FOR,
    )


async def copy_pictures(owner_id: str, picture_ids: Sequence[str]) -> list[str]:
    """New pictures of the owner's with the same bytes, in the same order, unused until they are attached.

    For something that begins as a copy of another thing. What is gone meanwhile is left out.
    """
    found = {picture.id: picture for picture in await Picture.filter(id__in=picture_ids, state=PictureState.READY)}
    copies = []
    for original in (found[picture_id] for picture_id in picture_ids if picture_id in found):
        # The row first, as with an upload.
        copy = await Picture.create(
            owner_id=owner_id,
            format=original.format,
            width=original.width,
            height=original.height,
            size_bytes=original.size_bytes,
            sha256=original.sha256,
            unused_since=clock.now(),
        )
        for variant in (Variant.PICTURE, Variant.THUMBNAIL):
            # What is blurred in the one is in the other, for good.
            _, stored = await _find_bytes(original.id, variant)
            await storage.put(key_of(copy.id, variant, copy.format), await stored.read())
        await execute("UPDATE picture SET state = 'ready' WHERE id = $1", copy.id)
        copies.append(copy.id)
    return copies


async def open_picture(name: str) -> OpenPicture:
    """The picture behind the last part of a signed address. Raises NotFound or Unavailable."""
    picture_id, variant, seconds = read_address(name)
    kept, stored = await _find_bytes(picture_id, variant)
    return OpenPicture(kept.content_type, stored.size, seconds, stored.chunks)


async def read_picture(picture_id: str) -> bytes | None:
    """A picture's bytes, for what is drawn from it; None when it is gone. Raises Unavailable."""
    try:
        _, stored = await _find_bytes(picture_id, Variant.PICTURE)
    except NotFound:
        return None
    return await stored.read()


async def _find_bytes(picture_id: str, variant: Variant) -> tuple[PictureFormat, StoredBytes]:
    """The bytes that an address of the variant shows: the blurred ones, unless it is of the original."""
    row = await fetch_one(
        "SELECT format, blurred_areas IS NOT NULL AS is_blurred FROM picture WHERE id = $1 AND state = 'ready'",
        picture_id,
    )
    if row is None:
        raise NotFound()
    kept = PictureFormat(row["format"])
    shown = _WHOLE.get(variant, variant)
    if row["is_blurred"] and variant not in (Variant.ORIGINAL, Variant.ORIGINAL_THUMBNAIL):
        shown = _BLURRED[shown]
    try:
        return kept, await storage.get(key_of(picture_id, shown, kept))
    except FileNotFoundError:
        raise NotFound() from None


async def _remove_unused(row: Any) -> int:
    """Remove a picture that has belonged to nothing for a day, or what a broken-off upload left.

    It is first marked, which is committed, then its bytes are deleted, then its row: cut off anywhere, the next run
    goes on. A picture that is being attached is locked and so skipped; a marked one can no longer be attached.
    """
    marked = await execute(
        "UPDATE picture SET state = 'removing' WHERE id = "
        "(SELECT id FROM picture WHERE id = $1 AND unused_since = $2 FOR UPDATE SKIP LOCKED)",
        row["id"],
        row["due"],
    )
    if marked:
        await _delete_bytes(row["id"], PictureFormat(row["format"]))
        await execute("DELETE FROM picture WHERE id = $1 AND state = 'removing'", row["id"])
    return marked


REMOVE_UNUSED_PICTURES = due_sweep(
    "unused_pictures",
    timedelta(minutes=5),
    rows="picture",
    due="unused_since",
    before=lambda: clock.now() - UNUSED_FOR,
    columns="format",
    lock="",
    do=_remove_unused,
)


async def _delete_bytes(picture_id: str, kept: PictureFormat) -> None:
    for variant in STORED:
        await storage.delete(key_of(picture_id, variant, kept))


def key_of(picture_id: str, variant: Variant, kept: PictureFormat) -> str:
    """Where in the store one variant lies."""
    return f"{variant}s/{picture_id}.{kept}"
