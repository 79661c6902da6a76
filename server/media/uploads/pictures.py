"""Any uploaded bytes → a picture that is safe to show: its kind told by its content, its size known before it is
decoded, and nothing left of what the camera wrote into it (where it was taken, with what, by whom)."""

import hashlib
import io
import warnings
from typing import NamedTuple

import pi_heif
from PIL import Image, ImageCms, UnidentifiedImageError

from server.foundation.errors import Refusal, UnsupportedType
from server.media.uploads.models import PictureFormat

MAX_BYTES = 10 * 1024 * 1024
"""Of an upload. WeChat's picture check takes no more either."""

MAX_PIXELS = 52_000_000
"""What a 50-megapixel phone makes. More could take a gigabyte of memory to decode."""

MAX_SIDE = 2560
MAX_TRANSPARENT_SIDE = 1280
"""Pixels. A PNG of noise is as large as its pixels, and must stay below what WeChat's check takes."""

THUMBNAIL_SIDE = 400
QUALITY = 85
MAX_SCANS = 100

# A JPEG to which a phone has appended a second picture is opened as JPEG too, and then called MPO.
_ACCEPTED = ("JPEG", "PNG", "WEBP", "GIF", "HEIF")
_JPEG_SCAN = b"\xff\xda"
_EXIF_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# What an iPhone takes (HEIC); it comes upright already.
pi_heif.register_heif_opener()

# Of broken EXIF data and of large pictures, which are refused here long before Pillow does.
warnings.filterwarnings("ignore", module=r"PIL\.")


class PictureUnreadable(Refusal):
    code, title, status = "picture_unreadable", "图片已损坏，无法读取", 422


class TooManyPixels(Refusal):
    code, title, status = "too_many_pixels", "图片尺寸过大，请缩小后再上传", 422


class PreparedPicture(NamedTuple):
    """Ready to be stored: both variants in `format`, without any metadata. Sizes are pixels of the picture."""

    format: PictureFormat
    width: int
    height: int
    picture: bytes
    thumbnail: bytes
    sha256: bytes


def prepare_picture(data: bytes) -> PreparedPicture:
    """Decode, turn upright, strip, scale and encode anew. Takes up to a second: run it in a thread.

    Of an animation the first frame is kept. Raises UnsupportedType, PictureUnreadable or TooManyPixels.
    """
    try:
        with Image.open(io.BytesIO(data), formats=_ACCEPTED) as opened:
            _check_cost(opened, data)
            shown = _to_srgb(_scale(_upright(_scale(_decode(opened), MAX_SIDE)), MAX_SIDE))
    except Refusal:
        raise
    except UnidentifiedImageError:
        raise UnsupportedType("请上传 JPEG、PNG、WebP、GIF 或 HEIC 图片") from None
    except Image.DecompressionBombError:
        raise TooManyPixels() from None
    except Exception:
        # A hostile or broken file makes Pillow raise nearly anything; whatever it is, the file is to blame.
        raise PictureUnreadable() from None
    if shown.mode == "RGBA":
        shown = _scale(shown, MAX_TRANSPARENT_SIDE)
    picture, thumbnail = encode_picture(shown), encode_picture(thumbnail_of(shown))
    kept = PictureFormat.PNG if shown.mode == "RGBA" else PictureFormat.JPEG
    return PreparedPicture(kept, shown.width, shown.height, picture, thumbnail, hashlib.sha256(picture).digest())


def _check_cost(opened: Image.Image, data: bytes) -> None:
    """Refuse what would take too much memory or time to decode. Nothing has been decoded yet."""
    if opened.width * opened.height > MAX_PIXELS:
        raise TooManyPixels()
    # A progressive JPEG may repaint its millions of pixels in thousands of scans of a few bytes each.
    if opened.format in ("JPEG", "MPO") and data.count(_JPEG_SCAN) > MAX_SCANS:
        raise PictureUnreadable()


def _decode(opened: Image.Image) -> Image.Image:
    """The first frame, in a mode that can be scaled smoothly."""
    opened.draft("RGB", (MAX_SIDE, MAX_SIDE))  # a large JPEG is decoded at a fraction of its size
    opened.load()
    if opened.mode.startswith("I"):  # 16 bits of grey; Pillow's own conversion would cut off all above 255
        return opened.point(lambda value: value * (1 / 256)).convert("L")
    if opened.has_transparency_data:
        return opened if opened.mode in ("RGBA", "LA") else opened.convert("RGBA")
    return opened if opened.mode in ("L", "RGB", "CMYK") else opened.convert("RGB")


def _scale(image: Image.Image, side: int) -> Image.Image:
    """The same image, its longer side at most `side`."""
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return image


def _upright(image: Image.Image) -> Image.Image:
    """As the camera was held: many phones store every picture lying on its side and only note how to turn it."""
    try:
        turn = _TURNS.get(image.getexif().get(_EXIF_ORIENTATION, 1))
    except Exception:  # unreadable notes of the camera are no reason to refuse the picture
        turn = None
    return image if turn is None else image.transpose(turn)


def _to_srgb(image: Image.Image) -> Image.Image:
    """RGB, or RGBA where something shows through; in the colours that every screen assumes where no profile is told."""
    profile = image.info.get("icc_profile")
    mode = "RGBA" if image.mode in ("RGBA", "LA") else "RGB"
    if profile and image.mode in ("L", "RGB", "RGBA", "CMYK"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode=mode)
            image = converted or image
        except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
            pass  # a wrong profile: take the colours as they are
    image = image.convert(mode)
    return image.convert("RGB") if mode == "RGBA" and image.getchannel("A").getextrema()[0] == 255 else image


def thumbnail_of(image: Image.Image) -> Image.Image:
    """A small copy."""
    return _scale(image.copy(), THUMBNAIL_SIDE)


def encode_picture(image: Image.Image) -> bytes:
    """As it is stored: JPEG, or PNG where something shows through."""
    # Pillow writes some of what it read back into the file, such as a comment: forget it.
    image.info.clear()
    encoded = io.BytesIO()
    if image.mode == "RGBA":
        image.save(encoded, "PNG", compress_level=6)
    else:
        image.save(encoded, "JPEG", quality=QUALITY, optimize=True, progressive=True)
    return encoded.getvalue()
