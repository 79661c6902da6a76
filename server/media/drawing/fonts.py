"""The Chinese font that pictures are lettered with; it comes from a wheel, so it is there on every machine."""

from functools import lru_cache

from PIL import ImageFont
from pylopdf_fonts_zh_cn import sans_path


@lru_cache(16)
def load_font(size: int) -> ImageFont.FreeTypeFont:
    """Noto Sans SC, `size` pixels high."""
    return ImageFont.truetype(sans_path(), size)
