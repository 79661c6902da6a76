"""A sheet to hang up, A4: a title, a code, and what to do with it."""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from server.foundation.words import Worded
from server.media.drawing.typesetting import PRINT, typeset_pdf, typeset_picture


class SheetFormat(Worded):
    """To print, or to post in a group."""

    PDF = "pdf", "PDF 文件"
    PNG = "png", "图片"


class Tone(StrEnum):
    """By which colour sheets are told apart on a wall: red for members and volunteers, green for everybody."""

    RED = "red"
    GREEN = "green"


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """What is on a sheet: `kicker` above the title says of what kind it is, `subtitle` below it adds a line. `code` is
    a code's picture (JPEG or PNG), `how` what to do with it, the first line in large; `facts` are (label, value)."""

    kicker: str
    title: str
    subtitle: str = ""
    code: bytes
    how: Sequence[str]
    facts: Sequence[tuple[str, str]] = ()
    issuer: str
    tone: Tone = Tone.RED


async def draw_sheet(sheet: Sheet, kind: SheetFormat) -> bytes:
    """The sheet, as PDF or as PNG with as many dots as print wants."""
    page = {field: getattr(sheet, field) for field in Sheet.__struct_fields__} | {"code": list(sheet.code)}
    if kind is SheetFormat.PNG:
        return await typeset_picture("sheet", page, PRINT)
    return await typeset_pdf("sheet", page)
