"""The one design of every page that a phone's own scanner opens: certificates, identity codes, plain codes on walls.

Such a page is for somebody without the mini-program. It loads nothing, runs nothing, is kept by nobody, and tells
nobody where it was opened from.
"""

import base64
import hashlib
from collections.abc import Sequence
from html import escape
from typing import Literal

from sanic.response import HTTPResponse

_SIGNS = {
    "good": '<path d="M14 25l8 8 15-17" fill="none" stroke="#fff" stroke-width="4.500" stroke-linecap="round" '
    'stroke-linejoin="round"/>',
    "wrong": '<path d="M16 16l18 18M34 16L16 34" stroke="#fff" stroke-width="4.500" stroke-linecap="round"/>',
    "plain": '<path d="M25 7 43 23.200l-2.200 2.500L25 11.600 9.200 25.700 7 23.200Z" fill="#fff"/>'
    '<path d="M25 41C14 33 12 28 14.300 24 17 19.500 23 20.500 25 25.200 27 20.500 33 19.500 35.700 24 '
    '38 28 36 33 25 41Z" fill="#fff"/>',
}
"""A tick, a cross, and the house's emblem: a roof over a heart."""

_STYLE = """
:root { color-scheme: light }
* { box-sizing: border-box }
body { margin: 0; background: #f6f2ea; color: #2b2622;
  font: 16px/1.6 system-ui, -apple-system, "PingFang SC", "Noto Sans SC", "Microsoft YaHei", sans-serif }
main { max-width: 30rem; min-height: 100vh; margin: 0 auto; background: #fffdf9; box-shadow: 0 0 3rem #7a3b2214 }
header { padding: 2.4rem 1.5rem 2.2rem; color: #fff; text-align: center; border-bottom: 4px solid #e0bd74 }
header svg { width: 4.2rem; height: 4.2rem; border-radius: 50%; background: #ffffff26; display: inline-block }
header p { margin: .3rem 0 0; opacity: .88; font-size: .95rem }
.good header { background: linear-gradient(#2f8257, #21653f) }
.wrong header { background: linear-gradient(#8d8178, #6b6058) }
.plain header { background: linear-gradient(#b3241f, #8c1216) }
h1 { margin: .7rem 0 0; font-size: 1.55rem; line-height: 1.35; letter-spacing: .04em; overflow-wrap: anywhere }
section { padding: 1.1rem 1.5rem 0 }
section > p { margin: .4rem 0 }
h2 { margin: .6rem 0 .3rem; font-size: .95rem; font-weight: 600; color: #a61e1e }
table { width: 100%; border-collapse: collapse }
th, td { padding: .62rem 0; border-bottom: 1px solid #efe6d7; text-align: left; vertical-align: top;
  overflow-wrap: anywhere }
tr:last-child > * { border-bottom: 0 }
th { width: 5.8rem; font-weight: normal; color: #7a7068; white-space: nowrap }
.lines td { font-size: .92rem; padding-right: .8rem }
.lines td:first-child { color: #7a7068; white-space: nowrap }
.lines td:last-child { padding-right: 0; text-align: right; white-space: nowrap }
a { color: #a61e1e }
footer { padding: 1.8rem 1.5rem 2.4rem; font-size: .84rem; color: #7a7068; text-align: center }
footer b { display: block; margin-bottom: .1rem; font-weight: 600; letter-spacing: .2em; color: #a61e1e }
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

_PAGE = """<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body class="{kind}">
<main>
<header><svg viewBox="0 0 50 50" aria-hidden="true">{sign}</svg><h1>{title}</h1>{subtitle}</header>
{body}
<footer><b>邻里</b>{note}</footer>
</main>
</body>
</html>
"""


def facts(rows: Sequence[tuple[str, str]]) -> str:
    """What there is to know, as (label, value); what is empty is left out."""
    filled = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows if value)
    return f"<section><table>{filled}</table></section>"


def links(rows: Sequence[tuple[str, str, str]]) -> str:
    """Where to go on, as (address, name, what is there)."""
    cells = "".join(
        f'<tr><th><a href="{escape(address)}">{escape(name)}</a></th><td>{escape(what)}</td></tr>'
        for address, name, what in rows
    )
    return f"<section><table>{cells}</table></section>"


def lines(heading: str, rows: Sequence[Sequence[str]]) -> str:
    """A list with a heading; nothing where there are no rows."""
    if not rows:
        return ""
    cells = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<section><h2>{escape(heading)}</h2><table class="lines">{cells}</table></section>'


def words(*paragraphs: str) -> str:
    return f"<section>{''.join(f'<p>{escape(text)}</p>' for text in paragraphs)}</section>"


def show_scanned(
    kind: Literal["good", "wrong", "plain"],
    title: str,
    *parts: str,
    subtitle: str = "",
    note: str = "",
    status: int = 200,
) -> HTTPResponse:
    """The page: what it says, why, and what to do. `parts` are what the functions above made; all else is escaped."""
    page = _PAGE.format(
        style=_STYLE,
        kind=kind,
        sign=_SIGNS[kind],
        title=escape(title),
        subtitle=f"<p>{escape(subtitle)}</p>" if subtitle else "",
        body="\n".join(parts),
        note=escape(note),
    )
    policy = (
        f"default-src 'none'; style-src 'sha256-{_HASH}'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    return HTTPResponse(
        page,
        status=status,
        content_type="text/html; charset=utf-8",
        headers={"content-security-policy": policy, "cache-control": "no-store", "referrer-policy": "no-referrer"},
    )
