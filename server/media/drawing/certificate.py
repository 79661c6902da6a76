"""The certificate of volunteer service on A4, set once: the picture is the PDF's first page."""

from collections.abc import Sequence

import msgspec

from server.media.drawing.qr import qr_as_svg
from server.media.drawing.typesetting import typeset_pdf, typeset_picture


class CertificateItem(msgspec.Struct, frozen=True):
    """One service: when, what, with whom, how long."""

    day: str
    title: str
    organizer: str
    duration: str


class CertificateRow(msgspec.Struct, frozen=True):
    """One line of the summary: a period, how often, how long."""

    period: str
    times: str
    duration: str


class CertificateWords(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is written on a certificate; `identity` tells namesakes apart, `address` is what its QR code
    opens. Where the items do not fit on the page they follow on further ones, and the rows stand in their place."""

    name: str
    name_status: str
    identity: str
    period: str
    times: str
    duration: str
    items: Sequence[CertificateItem]
    rows: Sequence[CertificateRow]
    issuer: str
    issued_on: str
    number: str
    code: str
    address: str


class _Page(CertificateWords, frozen=True, kw_only=True):
    qr: str


async def certificate_picture(words: CertificateWords) -> bytes:
    """The certificate's first page as PNG, for a phone's screen."""
    return await typeset_picture("certificate", _page(words))


async def certificate_pdf(words: CertificateWords) -> bytes:
    """The certificate as PDF, for printing."""
    return await typeset_pdf("certificate", _page(words))


def _page(words: CertificateWords) -> _Page:
    return _Page(**msgspec.structs.asdict(words), qr=qr_as_svg(words.address))
