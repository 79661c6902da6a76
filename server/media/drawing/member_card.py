"""The card with which a member shows who they are 亮身份, and the sheet with a community's code that staff print."""

import io
from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageOps

from server.media.drawing.lettering import fit_line, length_of, write
from server.media.drawing.qr import draw_qr

RED, DARK_RED, GOLD, PALE_GOLD = "#b3191f", "#8c0f17", "#e8c77d", "#f6e7c3"
PAPER, INK, SOFT, LINE = "#fffaf1", "#2a2320", "#85786e", "#ead9bd"

_WIDTH, _HEIGHT = 900, 1350
_HEAD = 300
_MARGIN = 70
_CODE = 380
_MOST_POSTS = 4


class MemberCard(NamedTuple):
    """What is written on a card; `address` is what its code opens, `valid_until` a time of day."""

    name: str
    community: str
    since: str
    posts: Sequence[str]
    address: str
    valid_until: str


def draw_member_card(card: MemberCard) -> bytes:
    """The card as PNG, 900 × 1350 pixels, for a phone's screen. Takes some 100 ms: run it in a thread."""
    page = Image.new("RGB", (_WIDTH, _HEIGHT), PAPER)
    _shade(page, (0, 0, _WIDTH, _HEAD))
    draw = ImageDraw.Draw(page)
    draw.rectangle((0, _HEAD, _WIDTH, _HEAD + 8), fill=GOLD)
    _centred(draw, 92, "党员亮身份", 92, PALE_GOLD, serif=True, bold=True, spacing=14)
    _centred(draw, 222, "亮明身份 · 接受监督 · 服务群众", 34, GOLD)

    _centred(draw, 358, card.name, 104, INK, serif=True, bold=True, spacing=12, widest=_WIDTH - 2 * _MARGIN)
    _centred(draw, 506, f"{card.community} · {card.since}报到", 34, SOFT, widest=_WIDTH - 2 * _MARGIN)
    _posts(draw, 574, card.posts)

    left, top = (_WIDTH - _CODE) // 2, 784
    draw.rounded_rectangle((left - 40, top - 40, left + _CODE + 40, top + _CODE + 40), 28, "white", LINE, 3)
    page.paste(_code(card.address, _CODE), (left, top))
    _centred(draw, top + _CODE + 62, "扫码核验身份", 36, INK, bold=True)
    _centred(draw, top + _CODE + 118, f"{card.valid_until} 前有效，过期请重新出示", 28, SOFT)
    return _png(page)


def draw_code_sheet(code: bytes, title: str, lines: Sequence[str]) -> bytes:
    """A sheet to print: a code's picture (JPEG or PNG) below a community's name, above what to do with it; as PNG."""
    width, height = 1240, 1754  # A4 at 150 dots an inch
    page = Image.new("RGB", (width, height), "white")
    _shade(page, (0, 0, width, 330))
    draw = ImageDraw.Draw(page)
    draw.rectangle((0, 330, width, 342), fill=GOLD)
    _centred(draw, 74, title, 108, PALE_GOLD, serif=True, bold=True, spacing=8, widest=width - 160)
    _centred(draw, 230, "双报到 · 双服务", 50, GOLD)
    picture = Image.open(io.BytesIO(code)).convert("RGB")
    side = 840
    picture = picture.resize((side, side), Image.Resampling.LANCZOS)
    left, top = (width - side) // 2, 450
    draw.rounded_rectangle((left - 40, top - 40, left + side + 40, top + side + 40), 40, "white", LINE, 4)
    page.paste(picture, (left, top))
    for number, line in enumerate(lines):
        _centred(
            draw, 1400 + 84 * number, line, 54 if number == 0 else 40, INK if number == 0 else SOFT, bold=number == 0
        )
    return _png(page)


def _posts(draw: ImageDraw.ImageDraw, top: int, posts: Sequence[str]) -> None:
    """The posts that the member holds, as plaques in rows of two."""
    shown = list(posts[:_MOST_POSTS])
    if len(posts) > _MOST_POSTS:
        shown[-1] = f"等 {len(posts)} 个岗位"
    if not shown:
        _centred(draw, top + 44, "全心全意为人民服务", 36, RED, serif=True, bold=True, spacing=6)
        return
    half = (_WIDTH - 2 * _MARGIN - 30) // 2
    for number, post in enumerate(shown):
        row, place = divmod(number, 2)
        alone = number == len(shown) - 1 and place == 0
        longest = _WIDTH - 2 * _MARGIN if alone else half
        width = int(min(max(length_of(post, 32) + 100, half), longest))
        left = (_WIDTH - width) // 2 if alone else _MARGIN + place * (half + 30)
        y = top + row * 80 + (36 if len(shown) <= 2 else 0)
        draw.rounded_rectangle((left, y, left + width, y + 62), 31, "#fdf1dc", GOLD, 3)
        # The letters' own box: 0.28 of the size above them belongs to the line.
        _centred(draw, y + 31 - 0.78 * 32, post, 32, DARK_RED, middle=left + width / 2, widest=width - 50)


def _centred(
    draw: ImageDraw.ImageDraw,
    top: float,
    text: str,
    size: int,
    colour: str,
    *,
    serif: bool = False,
    bold: bool = False,
    spacing: int = 0,
    middle: float | None = None,
    widest: float = _WIDTH * 2,
) -> None:
    """One line around `middle` (the picture's), smaller where it would be wider than `widest`, at last cut."""
    smallest = max(size * 3 // 5, 24)
    text, fitted = fit_line(text, size, widest, smallest=smallest, serif=serif, spacing=spacing)
    middle = draw.im.size[0] / 2 if middle is None else middle
    at = middle - length_of(text, fitted, serif=serif, spacing=spacing) / 2, top + 0.78 * (size - fitted)
    write(draw, at, text, fitted, colour, serif=serif, stroke=max(fitted // 40, 1) if bold else 0, spacing=spacing)


def _shade(page: Image.Image, box: tuple[int, int, int, int]) -> None:
    """Red, darker towards the bottom, with soft rays from above."""
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    light, dark = Image.new("RGB", (width, height), RED), Image.new("RGB", (width, height), DARK_RED)
    fall = Image.linear_gradient("L").resize((width, height))
    rays = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(rays)
    for step in range(-12, 13):
        x = width / 2 + step * width / 7
        draw.polygon([(width / 2, -height), (x, bottom), (x + width / 14, bottom)], fill=26)
    page.paste(Image.composite(dark, light, fall), (left, top))
    page.paste(Image.new("RGB", (width, height), PALE_GOLD), (left, top), rays)


def _code(address: str, side: int) -> Image.Image:
    """The code without most of its quiet zone: the white plaque around it is one already."""
    picture = Image.open(io.BytesIO(draw_qr(address, width=side * 2))).convert("RGB")
    inner = ImageOps.invert(picture).getbbox() or (0, 0, *picture.size)
    return picture.crop(inner).resize((side, side), Image.Resampling.LANCZOS)


def _png(page: Image.Image) -> bytes:
    written = io.BytesIO()
    page.save(written, "PNG", compress_level=6)
    return written.getvalue()
