"""Pictures as the API shows them."""

from collections.abc import Iterable, Mapping

import msgspec

from server.foundation.database import fetch
from server.foundation.ids import Id
from server.media.addresses import signed_address
from server.media.uploads.models import Variant


class PictureView(msgspec.Struct, kw_only=True):
    """A picture; both addresses work for some minutes. `width` and `height` are pixels of the one at `url`."""

    id: Id
    url: str
    thumbnail_url: str
    width: int
    height: int


def describe_picture(picture_id: str, width: int, height: int, *, is_blurred: bool = False) -> PictureView:
    """The view of a picture that the caller may see, with fresh addresses."""
    return PictureView(
        id=picture_id,
        url=signed_address(picture_id, Variant.BLURRED if is_blurred else Variant.PICTURE),
        thumbnail_url=signed_address(picture_id, Variant.BLURRED_THUMBNAIL if is_blurred else Variant.THUMBNAIL),
        width=width,
        height=height,
    )


def ready_picture(column: str) -> str:
    """SQL: the picture whose id is in the column, as `picture_id`; null where there is none that could be shown."""
    return f"(SELECT i.id FROM picture i WHERE i.id = {column} AND i.state = 'ready') AS picture_id"


def thumbnail_address(picture_id: str | None) -> str | None:
    """Where a ready picture's thumbnail is for some minutes; None without one."""
    return signed_address(picture_id, Variant.THUMBNAIL) if picture_id else None


def in_order(views: Mapping[str, PictureView], picture_ids: Iterable[str]) -> list[PictureView]:
    """Those of the pictures that there are, in the order of the ids."""
    return [views[picture_id] for picture_id in picture_ids if picture_id in views]


async def picture_views(picture_ids: Iterable[str]) -> dict[str, PictureView]:
    """Id → view, of those that exist. Whether the caller may see them is for the calling feature to know."""
    wanted = list(dict.fromkeys(picture_ids))
    if not wanted:
        return {}
    rows = await fetch(
        "SELECT id, width, height, blurred_areas IS NOT NULL AS is_blurred FROM picture "
        "WHERE id = ANY($1::uuid[]) AND state = 'ready'",
        wanted,
    )
    return {
        row["id"]: describe_picture(row["id"], row["width"], row["height"], is_blurred=row["is_blurred"])
        for row in rows
    }
