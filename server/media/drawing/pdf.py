"""PDF documents with Chinese text: a title, a block of facts, tables and texts, in one layout.

Typst breaks Chinese lines as print does and embeds only the glyphs that are used, of the same font that pictures have
(Noto, SIL Open Font License: documents may embed it). The layout is layouts/document.typ.
"""

import msgspec

from server.media.drawing.typesetting import typeset_pdf


class Column(msgspec.Struct, frozen=True):
    """A table's column: `width` in millimetres, 0 for a share of what is left; numbers stand to the `right`."""

    title: str
    width: int = 0
    right: bool = False


class Table(msgspec.Struct, frozen=True):
    """Rows under columns; the head is repeated on each page."""

    heading: str
    columns: list[Column]
    rows: list[list[str]]


class Text(msgspec.Struct, frozen=True):
    """A framed paragraph."""

    heading: str
    text: str


class Signatures(msgspec.Struct, frozen=True):
    """Boxes side by side in which these sign or seal, with the date."""

    signatures: list[str]


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """What a PDF shows. `facts` are (label, value), two to a line; `foot` stands at the bottom of each page."""

    title: str
    subtitle: str = ""
    facts: list[tuple[str, str]] = []
    parts: list[Table | Text | Signatures] = []
    foot: str = ""
    landscape: bool = False


async def draw_pdf(document: Document) -> bytes:
    """The document as PDF, some 30 ms a report."""
    return await typeset_pdf("document", document)
