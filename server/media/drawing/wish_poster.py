"""The poster of a wish that came true: what was wished, who made it true, and the wisher's words."""

import io
from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFilter, ImageOps

from server.media.drawing.lettering import fit_heading, fit_line, legible, length_of, wrap, write
from server.media.drawing.shapes import heart, polygon, star

CORAL, ROSE, SUN = "#e8503f", "#c52f3b", "#ffcf6b"
PAPER, CARD, INK, SOFT, LINE = "#fff6ea", "#ffffff", "#33261f", "#8d7b70", "#f1e2d1"
CHIP, CHIP_INK, QUOTE = "#fdeee0", "#c05a2b", "#f7cfae"

WIDTH = 1080
_MARGIN = 64
_PAD = 64
_HEAD = 520
_CARD_TOP = 372
_INNER = WIDTH - 2 * _MARGIN - 2 * _PAD
_PICTURE = 600
_CODE = 220
_HEART = (34, 31)


class WishPoster(NamedTuple):
    """What is written on a poster. `helper` made it true, and is a `helper_role`; `took` tells how long it took;
    `picture` and `code` are the bytes of pictures."""

    title: str
    tags: Sequence[str]
    community: str
    month: str
    wisher: str
    helper: str
    helper_role: str
    took: str
    rating: int | None
    words: str
    picture: bytes | None
    code: bytes
    code_hint: str


def draw_wish_poster(poster: WishPoster) -> bytes:
    """The poster as JPEG, 1080 pixels wide. Takes some 300 ms: run it in a thread."""
    title, title_size = fit_heading(poster.title, 76, 56, _INNER, lines=3, serif=True)
    words = wrap(legible(poster.words), 38, _INNER - 70, serif=True, lines=5) if poster.words.strip() else []
    picture = _cover(poster.picture, WIDTH - 2 * _MARGIN, _PICTURE) if poster.picture else None

    # What stands where is known before anything is drawn, so the sheet is as long as its words need.
    top = _CARD_TOP + (picture.height if picture else 0) + _PAD
    tags_top, title_top = top, top + 92
    line_height = round(title_size * 1.36)
    people_top = title_top + line_height * len(title) + 34
    facts_top = people_top + 74 * 2 + 26
    words_top = facts_top + 150
    card_bottom = words_top + (60 + 62 * len(words) + 64 if words else 0)
    height = card_bottom + 72 + _CODE + 24 + 84

    page = Image.new("RGB", (WIDTH, height), PAPER)
    _draw_head(page, poster)
    _draw_card(page, (_MARGIN, _CARD_TOP, WIDTH - _MARGIN, card_bottom))
    if picture:
        page.paste(picture, (_MARGIN, _CARD_TOP), _rounded_top(picture.size, 40))
    draw = ImageDraw.Draw(page)
    left = _MARGIN + _PAD
    _draw_tags(page, draw, left, tags_top, poster.tags)
    for number, line in enumerate(title):
        _text(draw, (left, title_top + line_height * number), line, title_size, INK, serif=True, bold=True)
    _draw_person(draw, left, people_top, "许愿人", poster.wisher)
    _draw_person(draw, left, people_top + 74, poster.helper_role, poster.helper)
    _draw_facts(page, draw, left, facts_top, poster)
    if words:
        draw.line((left, facts_top + 124, left + _INNER, facts_top + 124), fill=LINE, width=3)
        _draw_words(draw, left, words_top, words)
    _draw_foot(page, draw, card_bottom + 72, poster)
    written = io.BytesIO()
    page.save(written, "JPEG", quality=90, optimize=True, progressive=True)
    return written.getvalue()


def _draw_head(page: Image.Image, poster: WishPoster) -> None:
    """Warm colours that end in an arc, with lights in them."""
    high = _HEAD * 2
    # Slanted, and larger than what is cut out of it, so that no corner is left over.
    slanted = Image.linear_gradient("L").resize((WIDTH * 2, _HEAD * 2)).rotate(-14, Image.Resampling.BICUBIC)
    gradient = ImageOps.autocontrast(slanted.crop((WIDTH // 2, _HEAD // 2, WIDTH * 3 // 2, _HEAD * 3 // 2)))
    warm = Image.composite(Image.new("RGB", (WIDTH, _HEAD), CORAL), Image.new("RGB", (WIDTH, _HEAD), ROSE), gradient)
    arc = Image.new("L", (WIDTH * 2, high), 0)
    shape = ImageDraw.Draw(arc)
    shape.rectangle((0, 0, WIDTH * 2, high - 150), fill=255)
    shape.ellipse((-300, high - 300, WIDTH * 2 + 300, high), fill=255)
    page.paste(warm, (0, 0), arc.resize((WIDTH, _HEAD), Image.Resampling.LANCZOS))
    lights = Image.new("L", (WIDTH, _HEAD), 0)
    light = ImageDraw.Draw(lights)
    for x, y, radius, strength in ((930, 40, 210, 26), (1010, 250, 120, 20), (60, 330, 150, 18), (240, -30, 130, 16)):
        light.ellipse((x - radius, y - radius, x + radius, y + radius), fill=strength)
    page.paste(Image.new("RGB", (WIDTH, _HEAD), "white"), (0, 0), lights)
    for x, y, size in ((842, 118, 34), (942, 204, 20), (768, 62, 16), (1004, 96, 14), (884, 268, 13)):
        _paste_shape(page, (x, y), polygon((2 * size, 2 * size), star(4, inner=12)), SUN)
    draw = ImageDraw.Draw(page)
    _text(draw, (_MARGIN + 8, 76), "微心愿", 40, "#ffe7d2", spacing=10)
    _paste_shape(page, (_MARGIN + 8 + 163, 94), polygon(_HEART, heart()), SUN)
    _text(draw, (_MARGIN + 4, 140), "心愿实现了", 104, "white", serif=True, bold=True, spacing=8)
    place = f"{legible(poster.community)} · {poster.month}"
    place, _ = fit_line(place, 36, WIDTH - 2 * _MARGIN - 16, smallest=36)
    _text(draw, (_MARGIN + 8, 288), place, 36, "#ffe7d2")


def _draw_card(page: Image.Image, box: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = box
    shadow = Image.new("L", page.size, 0)
    ImageDraw.Draw(shadow).rounded_rectangle((left + 6, top + 22, right - 6, bottom + 26), 40, fill=70)
    shadow = shadow.filter(ImageFilter.GaussianBlur(26))
    page.paste(Image.new("RGB", page.size, "#7a3b22"), (0, 0), shadow)
    size = (right - left, bottom - top)
    page.paste(Image.new("RGB", size, CARD), (left, top), _rounded(size, 40))


def _draw_tags(page: Image.Image, draw: ImageDraw.ImageDraw, left: int, top: int, tags: Sequence[str]) -> None:
    for tag in tags:
        width = round(length_of(tag, 32)) + 52
        page.paste(Image.new("RGB", (width, 58), CHIP), (left, top), _rounded((width, 58), 29))
        _text(draw, (left + 26, top + 5), tag, 32, CHIP_INK)
        left += width + 20


def _draw_person(draw: ImageDraw.ImageDraw, left: int, top: int, role: str, name: str) -> None:
    _text(draw, (left, top + 5), role, 34, SOFT)
    at = left + max(round(length_of(role, 34)), 136) + 28
    shown, size = fit_line(legible(name) or "热心邻居", 42, _MARGIN + _PAD + _INNER - at, smallest=32)
    _text(draw, (at, top + (42 - size) * 0.7), shown, size, INK, bold=True)


def _draw_facts(page: Image.Image, draw: ImageDraw.ImageDraw, left: int, top: int, poster: WishPoster) -> None:
    draw.line((left, top, left + _INNER, top), fill=LINE, width=3)
    x = left
    if poster.rating:
        for number in range(5):
            colour = "#f5a623" if number < poster.rating else "#eddfcd"
            _paste_shape(page, (left + number * 62, top + 36), polygon((54, 54), star(5, inner=21, middle=53)), colour)
        x = left + 5 * 62 + 44
    _paste_shape(page, (x + 1, top + 51), polygon(_HEART, heart()), CORAL)
    _text(draw, (x + 50, top + 36), poster.took, 38, CHIP_INK)


def _draw_words(draw: ImageDraw.ImageDraw, left: int, top: int, words: list[str]) -> None:
    # The glyph stands at the right of its square, as opening quotes do in Chinese.
    _text(draw, (left - 70, top + 22), "“", 120, QUOTE, serif=True, bold=True)
    for number, line in enumerate(words):
        _text(draw, (left + 70, top + 44 + 62 * number), line, 38, INK, serif=True)


def _draw_foot(page: Image.Image, draw: ImageDraw.ImageDraw, top: int, poster: WishPoster) -> None:
    side = _CODE + 24
    left = WIDTH - _MARGIN - side
    page.paste(Image.new("RGB", (side, side), CARD), (left, top), _rounded((side, side), 24))
    code = Image.open(io.BytesIO(poster.code)).convert("RGB")
    # A plain code must stay sharp: where it is scaled up, by whole pixels.
    method = Image.Resampling.LANCZOS if code.width >= _CODE else Image.Resampling.NEAREST
    page.paste(code.resize((_CODE, _CODE), method), (left + 12, top + 12))
    _text(draw, (_MARGIN + 8, top + 34), "你的一个举手之劳", 46, INK, serif=True, bold=True)
    _text(draw, (_MARGIN + 8, top + 100), "是别人惦记很久的心愿", 46, INK, serif=True, bold=True)
    _text(draw, (_MARGIN + 8, top + 182), poster.code_hint, 32, SOFT)


def _cover(data: bytes, width: int, height: int) -> Image.Image:
    """The picture, cut to fill the box from a little above its middle, where faces are."""
    with Image.open(io.BytesIO(data)) as opened:
        picture = opened.convert("RGB")
    return ImageOps.fit(picture, (width, height), Image.Resampling.LANCZOS, centering=(0.5, 0.4))


def _rounded(size: tuple[int, int], radius: int) -> Image.Image:
    mask = Image.new("L", (size[0] * 2, size[1] * 2), 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, size[0] * 2 - 1, size[1] * 2 - 1), radius * 2, fill=255)
    return mask.resize(size, Image.Resampling.LANCZOS)


def _rounded_top(size: tuple[int, int], radius: int) -> Image.Image:
    return _rounded((size[0], size[1] + radius), radius).crop((0, 0, *size))


def _paste_shape(page: Image.Image, at: tuple[int, int], mask: Image.Image, colour: str) -> None:
    page.paste(Image.new("RGB", mask.size, colour), at, mask)


def _text(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    text: str,
    size: int,
    colour: str,
    *,
    serif: bool = False,
    bold: bool = False,
    spacing: int = 0,
) -> None:
    stroke = max(size // 44, 1) if bold else 0
    write(draw, at, text, size, colour, serif=serif, stroke=stroke, spacing=spacing)
