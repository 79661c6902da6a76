"""Chinese letters on pictures, each from the first font that has it (see fonts.py).

Sizes and lengths are pixels.
"""

import re
from collections.abc import Iterator
from itertools import groupby

from PIL import ImageDraw, ImageFont

from server.media.drawing import fonts

_TOKEN = re.compile(r"[A-Za-z0-9@#%&.:/_+-]+|.", re.S)
_NOT_FIRST = set("，。、；：？！）》」』”’…—～·,.;:?!)%")
_NOT_LAST = set("（《「『【“‘(")


def load_font(size: int, serif: bool = False) -> ImageFont.FreeTypeFont:
    """Letters `size` pixels high."""
    return fonts.load_font(size, fonts.shipped_font(serif))


def length_of(text: str, size: int, *, serif: bool = False, spacing: float = 0) -> float:
    """How long a line is."""
    return sum(font.getlength(part) for font, part in _runs(text, size, serif)) + spacing * max(len(text) - 1, 0)


def write(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    text: str,
    size: int,
    colour: str,
    *,
    serif: bool = False,
    stroke: float = 0,
    spacing: float = 0,
) -> float:
    """One line that begins `at`, its left top corner. `stroke` makes letters bold, `spacing` stands between them.
    Gives the x after it."""
    x, y = at
    # Fonts differ in what they leave above their letters: all stand on one line.
    y += load_font(size, serif).getmetrics()[0]
    for font, run in _runs(text, size, serif):
        for part in run if spacing else [run]:
            draw.text((x, y), part, colour, font, "ls", stroke_width=stroke, stroke_fill=colour)
            x += font.getlength(part) + spacing
    return x


def _runs(text: str, size: int, serif: bool) -> Iterator[tuple[ImageFont.FreeTypeFont, str]]:
    """The text in pieces of one font each."""
    shipped = fonts.shipped_font(serif)
    for file, letters in groupby(text, lambda letter: fonts.font_with(letter, serif) or shipped):
        yield fonts.load_font(size, file), "".join(letters)


def fit_line(
    text: str, size: int, width: float, *, smallest: int, serif: bool = False, spacing: float = 0
) -> tuple[str, int]:
    """The text and the size in which it is no longer than `width`: smaller, and at last cut."""
    while size > smallest and length_of(text, size, serif=serif, spacing=spacing) > width:
        size -= 2
    if length_of(text, size, serif=serif, spacing=spacing) <= width:
        return text, size
    while text and length_of(text + "…", size, serif=serif, spacing=spacing) > width:
        text = text[:-1]
    return text + "…", size


def fit_heading(
    text: str, largest: int, smallest: int, width: float, *, lines: int, serif: bool = False
) -> tuple[list[str], int]:
    """The lines of a heading, in the largest size in which they are few enough."""
    text = legible(text)
    for size in range(largest, smallest, -4):
        wrapped = wrap(text, size, width, serif=serif)
        if len(wrapped) < lines:
            return wrapped, size
    return wrap(text, smallest, width, serif=serif, lines=lines), smallest


def wrap(text: str, size: int, width: float, *, serif: bool = False, lines: int = 0) -> list[str]:
    """Lines no wider than `width`: Latin words stay whole, and no line begins with a comma. At most `lines`, if given,
    the last one then ending in an ellipsis."""
    wrapped: list[str] = []
    for paragraph in text.splitlines() or [""]:
        line = ""
        for token in _TOKEN.findall(paragraph):
            # A comma may hang over the edge by half a character.
            room = width + size * 0.55 if token in _NOT_FIRST else width
            if length_of(line + token, size, serif=serif) <= room or not line:
                line += token
                continue
            carried = token
            while len(line) > 1 and (carried[0] in _NOT_FIRST or line[-1] in _NOT_LAST):
                line, carried = line[:-1], line[-1] + carried
            wrapped.append(line.rstrip())
            line = carried.lstrip()
        if line.strip():
            wrapped.append(line.rstrip())
    if lines and len(wrapped) > lines:
        rest = wrapped[lines - 1].rstrip("，。、；：")
        while rest and length_of(rest + "…", size, serif=serif) > width:
            rest = rest[:-1]
        wrapped = [*wrapped[: lines - 1], rest + "…"]
    return wrapped


def legible(text: str) -> str:
    """Without what no font has a glyph for (emoji, say), which would be a box."""
    return fonts.printable(text)
