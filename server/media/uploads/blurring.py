"""Faces and plates in a picture made unreadable. What is shown from then on is the blurred one, under addresses that
were given before too; the picture as it came is there only for those to whom its own address is given."""

import asyncio
import io
from collections.abc import Sequence
from typing import Annotated

import msgspec
from PIL import Image

from server.foundation.errors import InvalidFields, NotFound
from server.media import storage
from server.media.addresses import signed_address
from server.media.uploads.models import Picture, PictureState, Variant
from server.media.uploads.pictures import encode_picture, thumbnail_of
from server.media.uploads.queries import PictureView
from server.media.uploads.uploading import decoders, key_of

MAX_AREAS = 30
_CELLS = 5
"""Of a blurred area's longer side: so few that neither a face nor a plate can be guessed from them."""

Part = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Area(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A rectangle of a picture, in parts of its width and height, from the upper left corner."""

    left: Part
    top: Part
    right: Part
    bottom: Part


class OriginalView(PictureView, kw_only=True):
    """A picture as it came, and what of it is blurred for everybody."""

    areas: list[Area]


async def blur_picture(picture_id: str, areas: Sequence[Area]) -> None:
    """Show the picture with these areas blurred, and no others: none of them shows it as it came. In the transaction of
    the caller, who holds the lock of what the picture belongs to and knows that they may.

    Raises InvalidFields, NotFound, Unavailable.
    """
    for position, area in enumerate(areas):
        if area.left >= area.right or area.top >= area.bottom:
            raise InvalidFields.of(f"areas.{position}", "打码区域须有宽和高")
    picture = await Picture.get_or_none(id=picture_id, state=PictureState.READY)
    if picture is None:
        raise NotFound()
    if areas:
        try:
            stored = await storage.get(key_of(picture_id, Variant.PICTURE, picture.format))
        except FileNotFoundError:
            raise NotFound() from None
        data = await stored.read()
        shown, thumbnail = await asyncio.get_running_loop().run_in_executor(decoders, draw_blurred, data, areas)
        # Where this is cut off the row does not know them yet; they lie where they are removed with the picture.
        await storage.put(key_of(picture_id, Variant.BLURRED, picture.format), shown)
        await storage.put(key_of(picture_id, Variant.BLURRED_THUMBNAIL, picture.format), thumbnail)
    picture.blurred_areas = [msgspec.to_builtins(area) for area in areas] or None
    await picture.save(update_fields=["blurred_areas"])


def draw_blurred(data: bytes, areas: Sequence[Area]) -> tuple[bytes, bytes]:
    """A stored picture and its thumbnail with the areas as a few squares of one colour each."""
    with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as image:
        image.load()
        for area in areas:
            box = (
                min(image.width - 1, int(area.left * image.width)),
                min(image.height - 1, int(area.top * image.height)),
                min(image.width, int(area.right * image.width) + 1),
                min(image.height, int(area.bottom * image.height) + 1),
            )
            part = image.crop(box)
            share = _CELLS / max(part.size)
            few = (max(1, round(part.width * share)), max(1, round(part.height * share)))
            image.paste(
                part.resize(few, Image.Resampling.BOX).resize(part.size, Image.Resampling.NEAREST), (box[0], box[1])
            )
        return encode_picture(image), encode_picture(thumbnail_of(image))


async def original_views(picture_ids: Sequence[str]) -> list[OriginalView]:
    """Those of the pictures that there are, in their order, as they came. Whether the caller may see them is for the
    calling feature to know, and to note."""
    found = {each.id: each for each in await Picture.filter(id__in=list(picture_ids), state=PictureState.READY)}
    return [
        OriginalView(
            id=picture.id,
            url=signed_address(picture.id, Variant.ORIGINAL),
            thumbnail_url=signed_address(picture.id, Variant.ORIGINAL_THUMBNAIL),
            width=picture.width,
            height=picture.height,
            areas=msgspec.convert(picture.blurred_areas or [], list[Area]),
        )
        for picture in (found[each] for each in dict.fromkeys(picture_ids) if each in found)
    ]
