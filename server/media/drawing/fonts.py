"""Which font has a character: the shipped ones (Noto Sans SC and Noto Serif SC, from a wheel), then those of
LINLI_FONTS, then those installed on the machine.

Rare characters of names lie in Unicode's extensions, of which the shipped fonts have next to nothing. What is drawn
with a box instead of somebody's name is worthless, so whoever issues a document asks `require_glyphs` first.
"""

import unicodedata
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

import structlog
import typst
from PIL import ImageFont
from pylopdf_fonts_zh_cn import sans_path, serif_path

from server.foundation.errors import Refusal
from server.foundation.settings import Environment, Settings

log = structlog.get_logger()

STAND_IN = "〓"
"""What Chinese printers set for a letter that they do not have."""

_NEVER_A_CHARACTER = "\U0010ffff"
_SIZE = 32
_set: tuple[list[Path], bool] = [], False


class FontFile(NamedTuple):
    """A font's file, and which one of the file it is."""

    path: str
    number: int = 0


class GlyphMissing(Refusal):
    """No font here has the characters (`characters`), which a document would have to show."""

    code, title, status = "glyph_missing", "有字暂时无法排印", 409


def use_fonts(settings: Settings) -> None:
    """Look into the folder of LINLI_FONTS too, and at the machine's own fonts; not in tests, which are the same
    everywhere."""
    global _set
    _set = ([settings.fonts] if settings.fonts.name else []), settings.environment is not Environment.TEST
    for cached in (fonts_for_typst, _further_fonts, load_font, font_with):
        cached.cache_clear()


def require_glyphs(*texts: str) -> None:
    """Raises GlyphMissing where a document with these texts would have a box in it."""
    missing = sorted({letter for text in texts for letter in text if not _is_drawn(letter)})
    if missing:
        code_points = [f"U+{ord(letter):04X}" for letter in missing]
        # Neither whose it is nor where it stands: a code point alone is nobody's name.
        log.warning("glyph_missing", code_points=code_points)
        named = "、".join(f"“{letter}”（{code}）" for letter, code in zip(missing, code_points, strict=True))
        raise GlyphMissing(
            f"{named}不在服务器的字体里，印出来会是空框，所以没有出具。请告诉社区工作人员；"
            "系统管理员装上含有此字的字体后即可办理。",
            characters=missing,
        )


def printable(text: str) -> str:
    """The text as it can be set: emoji that no font has are left out, and a letter is replaced by 〓."""
    return "".join(
        letter
        if _is_drawn(letter)
        else STAND_IN
        if unicodedata.category(letter)[0] == "L" or unicodedata.category(letter) == "Co"
        else ""
        for letter in text
    ).strip()


@lru_cache(256)
def load_font(size: int, file: FontFile) -> ImageFont.FreeTypeFont:
    """Letters `size` pixels high."""
    return ImageFont.truetype(file.path, size, file.number)


def shipped_font(serif: bool = False) -> FontFile:
    return FontFile(str(serif_path() if serif else sans_path()))


@lru_cache(4096)
def font_with(letter: str, serif: bool = False) -> FontFile | None:
    """The first font that has the letter."""
    for file in (shipped_font(serif), shipped_font(not serif), *_further_fonts()):
        font = load_font(_SIZE, file)
        if bytes(font.getmask(letter)) != bytes(font.getmask(_NEVER_A_CHARACTER)):
            return file
    return None


@cache
def fonts_for_typst() -> typst.Fonts:
    """The same fonts for what Typst sets, which takes a missing letter from whichever has it."""
    folders, installed = _set
    return typst.Fonts(
        include_system_fonts=installed,
        include_embedded_fonts=False,
        font_paths=[Path(sans_path()).parent, *folders],
    )


@cache
def _further_fonts() -> list[FontFile]:
    """Those of LINLI_FONTS first. A file that only Typst can read is no font for pictures."""
    found = {FontFile(font.path, font.index) for font in fonts_for_typst().fonts() if font.path}
    readable = []
    for file in sorted(found - {shipped_font(), shipped_font(serif=True)}):
        try:
            load_font(_SIZE, file)
        except OSError:
            continue
        readable.append(file)
    folders = [str(folder.resolve()) for folder in _set[0]]
    return sorted(readable, key=lambda file: not any(file.path.startswith(folder) for folder in folders))


def _is_drawn(letter: str) -> bool:
    category = unicodedata.category(letter)
    if letter.isspace():
        return True
    return category not in ("Cc", "Cf", "Cn", "Cs") and font_with(letter) is not None
