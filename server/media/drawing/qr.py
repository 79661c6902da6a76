"""QR codes."""

import base64
import io

import segno


def draw_qr(text: str, *, width: int = 480) -> bytes:
    """A QR code of `text` as PNG, black on white with the quiet zone that scanners want, about `width` pixels wide."""
    code = segno.make_qr(text, error="m")
    picture = io.BytesIO()
    code.save(picture, kind="png", scale=max(1, width // code.symbol_size()[0]))
    return picture.getvalue()


def qr_as_svg(text: str, *, quiet_zone: int = 4) -> str:
    """The same for documents: sharp at any size. What stands around it may be its quiet zone."""
    drawn = io.BytesIO()
    segno.make_qr(text, error="m").save(drawn, kind="svg", border=quiet_zone, xmldecl=False, omitsize=True)
    return drawn.getvalue().decode()


def qr_as_text(text: str) -> str:
    """The same, in base64: how answers carry a code that a screen shows."""
    return base64.b64encode(draw_qr(text)).decode()
