"""The chart of a bench: how much of the ceiling each scenario reaches, its least and its most as a line."""

from pathlib import Path
from typing import Any

_ROW, _LEFT, _WIDTH = 34, 210, 460
_STYLE = "text{font:14px sans-serif;fill:#222}.bar{fill:#2f6f9f}.track{fill:#e6e9ec}.range{stroke:#111;stroke-width:2}"


def draw(results: list[dict[str, Any]], file: Path) -> None:
    """Write the chart as SVG: bars from 0 to 1, the ceiling."""
    rows = [_row(place, result["scenario"], *result["of_ceiling"]) for place, result in enumerate(results)]
    size = f'width="{_LEFT + _WIDTH + 60}" height="{_ROW * len(rows) + 40}"'
    title = f'<text x="{_LEFT}" y="18">requests a second, of the ceiling (1 = bare Sanic and asyncpg by hand)</text>'
    background = '<rect width="100%" height="100%" fill="#fff"/>'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}><style>{_STYLE}</style>',
        background,
        title,
        *rows,
        "</svg>",
    ]
    file.write_text("\n".join(parts) + "\n")


def _row(place: int, name: str, median: float, least: float, most: float) -> str:
    top = 30 + place * _ROW

    def at(value: float) -> int:
        return _LEFT + round(min(value, 1) * _WIDTH)

    return (
        f'<text x="{_LEFT - 10}" y="{top + 16}" text-anchor="end">{name}</text>'
        f'<rect class="track" x="{_LEFT}" y="{top}" width="{_WIDTH}" height="22"/>'
        f'<rect class="bar" x="{_LEFT}" y="{top}" width="{at(median) - _LEFT}" height="22"/>'
        f'<line class="range" x1="{at(least)}" x2="{at(most)}" y1="{top + 11}" y2="{top + 11}"/>'
        f'<text x="{_LEFT + _WIDTH + 10}" y="{top + 16}">{median:.2f}</text>'
    )
