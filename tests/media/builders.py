"""Pictures to upload, and pictures that have been."""

import io
from typing import Any

from PIL import Image

from tests.clients import Api


def draw(width: int = 60, height: int = 40, kind: str = "JPEG", *, mode: str = "RGB", **options: Any) -> bytes:
    """The bytes of a picture: red, its left quarter blue; half transparent in the mode RGBA."""
    image = Image.new("RGB", (width, height), "red")
    image.paste("blue", (0, 0, width // 4, height))
    if mode == "RGBA":
        image.putalpha(128)
    encoded = io.BytesIO()
    image.convert(mode).save(encoded, kind, **options)
    return encoded.getvalue()


def read(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


async def upload(api: Api, data: bytes | None = None, content_type: str = "image/jpeg", *, expect: int = 201) -> Any:
    """Upload as the request's body; the answer."""
    response = await api.send(
        "POST", "/pictures", content=draw() if data is None else data, headers={"content-type": content_type}
    )
    assert response.status_code == expect, response.text
    return response.json()
