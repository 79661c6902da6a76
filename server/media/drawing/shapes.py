"""Shapes with smooth edges, as masks. Their points are in a square of 100 × 100: x, y, x, y …"""

from collections.abc import Sequence
from math import cos, pi, sin

from PIL import Image, ImageDraw

_FINE = 4
"""Shapes are drawn this many times as large and scaled down, so that their edges are smooth."""


def polygon(size: tuple[int, int], *outlines: Sequence[float]) -> Image.Image:
    """Polygons that fill a box of this size in pixels."""
    large = (size[0] * _FINE, size[1] * _FINE)
    mask = Image.new("L", large)
    pencil = ImageDraw.Draw(mask)
    for outline in outlines:
        pencil.polygon([value * (large[index % 2] - 1) / 100 for index, value in enumerate(outline)], 255)
    return mask.resize(size, Image.Resampling.LANCZOS)


def star(points: int, inner: float, middle: float = 50) -> list[float]:
    """A star with so many points around (50, `middle`); between them its edge lies `inner` from there."""
    outline: list[float] = []
    for corner in range(2 * points):
        radius, angle = 50 if corner % 2 == 0 else inner, pi * (corner / points - 0.5)
        outline += [50 + radius * cos(angle), middle + radius * sin(angle)]
    return outline


def heart() -> list[float]:
    """A heart."""
    outline: list[float] = []
    for step in range(120):
        t = step / 120 * 2 * pi
        x = 16 * sin(t) ** 3
        y = 13 * cos(t) - 5 * cos(2 * t) - 2 * cos(3 * t) - cos(4 * t)
        outline += [50 + x * 50 / 16, (12 - y) * 100 / 29]
    return outline
