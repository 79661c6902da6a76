"""A code's picture: a QR code as PNG, whose page and scene can also be read from its text chunk."""

import io
import struct
import zlib

import segno

_SIGNATURE_AND_HEADER = 8 + 25


def draw_code(scene: str, page: str, width: int) -> bytes:
    """The PNG of a code about `width` pixels wide."""
    code = segno.make(f"https://linli.invalid/{page}?scene={scene}", error="m", micro=False)
    modules = code.symbol_size()[0]
    picture = io.BytesIO()
    code.save(picture, kind="png", scale=max(1, width // modules))
    png = picture.getvalue()
    return png[:_SIGNATURE_AND_HEADER] + _text_chunk(f"{page}?scene={scene}") + png[_SIGNATURE_AND_HEADER:]


def read_code(png: bytes) -> str:
    """`page?scene=…` of a picture from `draw_code`. Raises ValueError for any other picture."""
    position = 8
    while position + 8 <= len(png):
        length, kind = struct.unpack(">I4s", png[position : position + 8])
        content = png[position + 8 : position + 8 + length]
        if kind == b"tEXt" and content.startswith(b"code\0"):
            return content[5:].decode("latin-1")
        position += 12 + length
    raise ValueError("not a picture of the simulator")


def _text_chunk(text: str) -> bytes:
    content = b"tEXt" + b"code\0" + text.encode("latin-1")
    return struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))
