"""The certificate of volunteer service, drawn once on an A4 page: the picture and the PDF are the same page.

Everything is placed in millimetres from the top left corner.
"""

import io
import re
from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageOps

from server.media.drawing.lettering import length_of, load_font, write
from server.media.drawing.qr import draw_qr
from server.media.drawing.shapes import heart, polygon

PAGE = (210.0, 297.0)
PICTURE_DPI = 150
PRINT_DPI = 300

PAPER = "#fffdf7"
INK = "#2b2622"
SOFT = "#7a7068"
RED = "#a61e1e"
GOLD = "#c9a45c"
PALE = "#f7efdf"

_LEFT, _RIGHT = 30.0, 180.0
_TEXT = 6.0
_WIDEST_ISSUER = 92.0
_UNBROKEN = re.compile(r"\d{4}年\d+月\d+日[至，]?|\d+.?|.[，。、]?")
"""What of a paragraph stays on one line together."""


class CertificateRow(NamedTuple):
    """One line of the table: a period, how often, how long."""

    period: str
    times: str
    duration: str


class CertificateWords(NamedTuple):
    """Everything that is written on a certificate; `address` is what its QR code opens."""

    name: str
    name_status: str
    period: str
    times: str
    duration: str
    rows: Sequence[CertificateRow]
    issuer: str
    issued_on: str
    number: str
    code: str
    address: str


def certificate_picture(words: CertificateWords) -> bytes:
    """The certificate as PNG, for a phone's screen."""
    page = _draw(words, PRINT_DPI)
    size = (page.width * PICTURE_DPI // PRINT_DPI, page.height * PICTURE_DPI // PRINT_DPI)
    # A palette of 128 colours is enough for two inks on paper, and a third of the bytes.
    small = page.resize(size, Image.Resampling.LANCZOS).quantize(128, dither=Image.Dither.NONE)
    picture = io.BytesIO()
    small.save(picture, "PNG", optimize=True, dpi=(PICTURE_DPI, PICTURE_DPI))
    return picture.getvalue()


def certificate_pdf(words: CertificateWords) -> bytes:
    """The certificate as a PDF of one A4 page, for printing."""
    document = io.BytesIO()
    _draw(words, PRINT_DPI).save(
        document, "PDF", resolution=PRINT_DPI, quality=90, title=f"志愿服务证明 {words.number}", author=words.issuer
    )
    return document.getvalue()


class _Page:
    """A sheet that is drawn on in millimetres."""

    def __init__(self, dpi: int) -> None:
        self.scale = dpi / 25.4
        self.image = Image.new("RGB", (self.pixels(PAGE[0]), self.pixels(PAGE[1])), PAPER)
        self.draw = ImageDraw.Draw(self.image)

    def pixels(self, millimetres: float) -> int:
        return round(millimetres * self.scale)

    def width(self, text: str, height: float, *, serif: bool = True, spacing: float = 0) -> float:
        return length_of(text, self.pixels(height), serif=serif) / self.scale + spacing * max(len(text) - 1, 0)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        height: float,
        *,
        colour: str = INK,
        serif: bool = True,
        bold: bool = False,
        align: str = "left",
        spacing: float = 0,
        widest: float | None = None,
    ) -> float:
        """Write with the baseline at `y`; smaller where it would be wider than `widest`. The x after it."""
        if widest and (needed := self.width(text, height, serif=serif, spacing=spacing)) > widest:
            height, spacing = height * widest / needed, spacing * widest / needed
        width = self.width(text, height, serif=serif, spacing=spacing)
        x -= {"left": 0, "centre": width / 2, "right": width}[align]
        after = write(
            self.draw,
            (x * self.scale, y * self.scale - load_font(self.pixels(height), serif).getmetrics()[0]),
            text,
            self.pixels(height),
            colour,
            serif=serif,
            stroke=height / 45 * self.scale if bold else 0,
            spacing=spacing * self.scale,
        )
        return after / self.scale - (spacing if text else 0)

    def line(self, x: float, y: float, x2: float, y2: float, colour: str, width: float) -> None:
        self.draw.line([self.pixels(v) for v in (x, y, x2, y2)], colour, max(1, self.pixels(width)))

    def frame(self, inset: float, colour: str, width: float) -> None:
        box = [self.pixels(v) for v in (inset, inset, PAGE[0] - inset, PAGE[1] - inset)]
        self.draw.rectangle(box, outline=colour, width=max(1, self.pixels(width)))

    def box(self, x: float, y: float, x2: float, y2: float, colour: str) -> None:
        self.draw.rectangle([self.pixels(v) for v in (x, y, x2, y2)], colour)

    def smooth(self, x: float, y: float, width: float, height: float, colour: str, *outlines: Sequence[float]) -> None:
        """Fill shapes, laid over this rectangle."""
        mask = polygon((self.pixels(width), self.pixels(height)), *outlines)
        self.image.paste(colour, (self.pixels(x), self.pixels(y)), mask)


def _draw(words: CertificateWords, dpi: int) -> Image.Image:
    page = _Page(dpi)
    _decorate(page)
    middle = PAGE[0] / 2
    page.text(middle, 66, "志愿服务证明", 16, colour=RED, bold=True, align="centre", spacing=4)
    page.text(middle, 77, f"编号 {words.number}", 4.2, colour=SOFT, serif=False, align="centre")
    y = _paragraph(
        page,
        98,
        [
            ("　　兹证明 ", False),
            (words.name, True),
            (f" 于{words.period}期间参加志愿服务 ", False),
            (words.times, True),
            ("，累计服务时长 ", False),
            (words.duration, True),
            ("。", False),
        ],
    )
    y = _table(page, y + 9, words.rows)
    page.text(_LEFT, y + 12, "　　特此证明，并致谢忱。", 6.0)
    _foot(page, words)
    return page.image


def _decorate(page: _Page) -> None:
    page.frame(9, RED, 1.1)
    page.frame(11.6, GOLD, 0.35)
    for right in (False, True):
        for bottom in (False, True):
            x, y = (PAGE[0] - 22.6 if right else 11.6), (PAGE[1] - 22.6 if bottom else 11.6)
            corner = (0, 0, 100, 0, 100, 6, 6, 6, 6, 100, 0, 100)
            inner = (16, 16, 60, 16, 60, 20, 20, 20, 20, 60, 16, 60)
            for outline in (corner, inner):
                turned = [
                    100 - value if (right if index % 2 == 0 else bottom) else value
                    for index, value in enumerate(outline)
                ]
                page.smooth(x, y, 11, 11, GOLD, turned)
    # A roof over a heart: neighbours.
    page.smooth(92, 22, 26, 14, RED, (50, 0, 100, 82, 92, 96, 50, 28, 8, 96, 0, 82))
    page.smooth(98.8, 32.8, 12.4, 11.4, RED, heart())
    page.line(60, 84, 98, 84, GOLD, 0.3)
    page.line(112, 84, 150, 84, GOLD, 0.3)
    page.smooth(103.2, 82.2, 3.6, 3.6, GOLD, (50, 0, 100, 50, 50, 100, 0, 50))


def _paragraph(page: _Page, y: float, parts: Sequence[tuple[str, bool]]) -> float:
    """Text with some of it bold, broken to fill the column; the y of the last line."""
    x = _LEFT
    for text, bold in parts:
        for word in [text] if bold else _UNBROKEN.findall(text):
            if x + page.width(word, _TEXT) > _RIGHT + _TEXT / 2:
                x, y = _LEFT, y + _TEXT * 1.95
                word = word.lstrip()
            x = page.text(x, y, word, _TEXT, colour=RED if bold else INK, bold=bold)
    return y


def _table(page: _Page, y: float, rows: Sequence[CertificateRow]) -> float:
    """Three columns; the y of its lower edge."""
    pitch, height = (9.0, 4.7) if len(rows) <= 8 else (6.6, 4.1)
    columns = (_LEFT + 4, 112.0, _RIGHT - 4)
    aligned = ("left", "centre", "right")
    page.box(_LEFT, y, _RIGHT, y + pitch, PALE)
    page.line(_LEFT, y, _RIGHT, y, GOLD, 0.5)
    for x, align, head in zip(columns, aligned, ("时期", "参加次数", "服务时长"), strict=True):
        page.text(x, y + pitch * 0.68, head, height * 0.92, colour=SOFT, serif=False, align=align)
    for row in rows:
        y += pitch
        page.line(_LEFT, y, _RIGHT, y, GOLD, 0.15)
        for x, align, text in zip(columns, aligned, row, strict=True):
            page.text(x, y + pitch * 0.68, text, height, align=align)
    y += pitch
    page.line(_LEFT, y, _RIGHT, y, GOLD, 0.5)
    return y


def _foot(page: _Page, words: CertificateWords) -> None:
    side, top = 33.0, 236.0
    code = Image.open(io.BytesIO(draw_qr(words.address, width=page.pixels(side)))).convert("L")
    code = code.resize((page.pixels(side), page.pixels(side)), Image.Resampling.NEAREST)
    # The quiet zone is paper; the code's own edge lies on the column's.
    page.image.paste(INK, (page.pixels(_LEFT - 3), page.pixels(top)), ImageOps.invert(code))
    beside = _LEFT + side + 1
    page.text(beside, top + 9, "扫码核验", 4.4, serif=False)
    page.text(beside, top + 18, "验证码", 3.4, colour=SOFT, serif=False)
    page.text(beside, top + 25.5, words.code, 5.2, colour=RED, serif=False, bold=True, spacing=0.3)
    lines = [words.issuer]
    if page.width(words.issuer, 5.8) > _WIDEST_ISSUER:
        # After a 市, 区 or 街道 near the middle, so that no name is torn.
        ends = [end for end in range(2, len(words.issuer) - 1) if words.issuer[end - 1] in "市区县镇乡道"]
        cut = min(ends or [len(words.issuer) // 2], key=lambda end: abs(2 * end - len(words.issuer)))
        lines = [words.issuer[:cut], words.issuer[cut:]]
    for place, line in enumerate(reversed(lines)):
        page.text(_RIGHT, top + 15 - place * 8.5, line, 5.8, align="right", bold=True, widest=_WIDEST_ISSUER)
    page.text(_RIGHT, top + 25.5, words.issued_on, 5.4, align="right")
    note = f"所列时长均经活动负责人确认，{words.name_status}。扫描二维码，或凭编号和验证码，任何人都可以核验本证明。"
    page.text(PAGE[0] / 2, 277, note, 3.3, colour=SOFT, serif=False, align="centre", widest=_RIGHT - _LEFT)
