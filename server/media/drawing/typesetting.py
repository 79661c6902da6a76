"""Documents set by Typst: text that can be selected, with the glyphs it needs embedded. The layouts are in layouts/.

A layout gets its data as JSON, never as markup: nothing in them is executed.
"""

from pathlib import Path
from typing import Any, Literal

import msgspec
import typst

from server.foundation import clock
from server.media.drawing.fonts import fonts_for_typst, printable
from server.media.drawing.threads import draw_in_thread

SCREEN, PRINT = 150, 300
"""Dots an inch of pictures."""

_LAYOUTS = Path(__file__).with_name("layouts")


async def typeset_pdf(layout: str, data: Any) -> bytes:
    """The document as PDF, some 30 ms a page."""
    return (await draw_in_thread(_compile, layout, data, "pdf", SCREEN))[0]


async def typeset_picture(layout: str, data: Any, dots_an_inch: int = SCREEN) -> bytes:
    """The document's first page as PNG."""
    return (await draw_in_thread(_compile, layout, data, "png", dots_an_inch))[0]


def _compile(layout: str, data: Any, kind: Literal["pdf", "png"], dots_an_inch: int) -> list[bytes]:
    drawn = typst.compile(
        _LAYOUTS / f"{layout}.typ",
        root=_LAYOUTS,
        font_paths=fonts_for_typst(),
        sys_inputs={"data": msgspec.json.encode(_printable(msgspec.to_builtins(data))).decode()},
        format=kind,
        ppi=dots_an_inch,
        timestamp=int(clock.now().timestamp()),
        # Tags would treble a long list's size; the text itself can be selected and read aloud without them.
        pdf_tags=False,
    )
    assert drawn is not None
    return drawn if isinstance(drawn, list) else [drawn]


def _printable(value: Any) -> Any:
    """The same without what no font has. Names were asked about before: see require_glyphs."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list):
        return [_printable(part) for part in value]
    if isinstance(value, dict):
        return {name: _printable(part) for name, part in value.items()}
    return value
