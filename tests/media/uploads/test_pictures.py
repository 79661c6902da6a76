"""What comes out of the bytes that people upload."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from server.foundation.errors import UnsupportedType
from server.media.uploads import pictures
from server.media.uploads.models import PictureFormat
from server.media.uploads.pictures import PictureUnreadable, TooManyPixels, prepare_picture
from tests.media.builders import draw, read

RED, BLUE = (254, 0, 0), (0, 0, 254)


def is_near(colour: object, other: tuple[int, ...]) -> bool:
    assert isinstance(colour, tuple)
    return all(abs(a - b) < 12 for a, b in zip(colour, other, strict=True))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_every_accepted_kind_becomes_a_jpeg(kind: str) -> None:
    made = prepare_picture(draw(600, 300, kind))
    assert made.format is PictureFormat.JPEG
    assert (made.width, made.height) == (600, 300)
    picture, thumbnail = read(made.picture), read(made.thumbnail)
    assert (picture.format, picture.size) == ("JPEG", (600, 300))
    assert (thumbnail.format, thumbnail.size) == ("JPEG", (400, 200))
    assert is_near(picture.getpixel((500, 150)), RED)
    assert is_near(picture.getpixel((50, 150)), BLUE)


@pytest.mark.parametrize("mode", ["L", "P", "1", "CMYK"])
def test_every_mode_of_colour(mode: str) -> None:
    made = prepare_picture(draw(40, 40, "JPEG" if mode == "CMYK" else "PNG", mode=mode))
    assert read(made.picture).mode == "RGB"


def test_sixteen_bits_of_grey_keep_their_shades() -> None:
    encoded = io.BytesIO()
    Image.new("I;16", (10, 10), 128 * 256).save(encoded, "PNG")
    assert is_near(read(prepare_picture(encoded.getvalue()).picture).getpixel((5, 5)), (128, 128, 128))


def test_colours_of_another_profile_are_converted() -> None:
    """In a profile that calls blue what sRGB calls red, the red picture was blue."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = profile.replace(b"rXYZ", b"?XYZ").replace(b"bXYZ", b"rXYZ").replace(b"?XYZ", b"bXYZ")
    for given, seen in ((profile, RED), (swapped, BLUE), (b"no profile", RED)):
        assert is_near(read(prepare_picture(draw(icc_profile=given)).picture).getpixel((50, 20)), seen)


def test_large_pictures_shrink_and_small_ones_stay() -> None:
    made = prepare_picture(draw(6000, 3000))
    assert (made.width, made.height) == read(made.picture).size == (2560, 1280)
    assert prepare_picture(draw(9, 7)).width == 9
    line = prepare_picture(draw(20_000, 1, "PNG"))
    assert read(line.thumbnail).size == (400, 1)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_transparent_pictures_stay_transparent(kind: str) -> None:
    made = prepare_picture(draw(3000, 1500, kind, mode="RGBA"))
    assert made.format is PictureFormat.PNG
    assert (made.width, made.height) == (1280, 640)
    picture = read(made.picture)
    assert (picture.format, picture.mode) == ("PNG", "RGBA")
    assert is_near(picture.getpixel((1000, 300)), (255, 0, 0, 128))
    assert read(made.thumbnail).mode == "RGBA"


def test_a_transparent_palette() -> None:
    encoded = io.BytesIO()
    image = Image.new("P", (20, 20), 0)
    image.paste(1, (10, 0, 20, 20))
    image.putpalette([0, 0, 0, 255, 0, 0])
    image.save(encoded, "GIF", transparency=0)
    picture = read(prepare_picture(encoded.getvalue()).picture)
    assert picture.mode == "RGBA"
    assert picture.getpixel((2, 10)) == (0, 0, 0, 0)


def test_an_alpha_channel_that_hides_nothing_is_dropped() -> None:
    encoded = io.BytesIO()
    Image.new("RGBA", (20, 20), (1, 2, 3, 255)).save(encoded, "PNG")
    assert prepare_picture(encoded.getvalue()).format is PictureFormat.JPEG


def test_the_first_frame_of_an_animation() -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue", "green")]
    for kind in ("GIF", "WEBP", "PNG"):
        encoded = io.BytesIO()
        frames[0].save(encoded, kind, save_all=True, append_images=frames[1:])
        assert is_near(read(prepare_picture(encoded.getvalue()).picture).getpixel((10, 10)), RED), kind


# What the camera wrote


def exif_with_location(orientation: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "SecretMaker"
    exif[0x9286] = "SecretComment"
    location = exif.get_ifd(0x8825)
    location.update({1: "N", 2: (37.0, 30.0, 0.0), 3: "E", 4: (122.0, 7.0, 0.0), 29: "2026:01:01"})
    return exif


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_location_and_all_else_that_the_camera_wrote_is_removed(kind: str) -> None:
    options: dict[str, Any] = {"exif": exif_with_location()}
    if kind == "JPEG":
        options |= {"comment": b"SecretJpegComment", "xmp": b"<x>SecretXmp</x>"}
    if kind == "PNG":
        texts = PngImagePlugin.PngInfo()
        texts.add_itxt("Author", "SecretAuthor")
        options |= {"pnginfo": texts}
    for mode in ("RGB",) if kind == "JPEG" else ("RGB", "RGBA"):
        original = draw(kind=kind, mode=mode, **options)
        assert b"Secret" in original
        assert read(original).getexif().get_ifd(0x8825)
        made = prepare_picture(original)
        for variant in (made.picture, made.thumbnail):
            assert b"Secret" not in variant
            assert b"Exif" not in variant
            assert not read(variant).getexif()
            assert not {"exif", "comment", "xmp", "icc_profile", "Author"} & set(read(variant).info)


@pytest.mark.parametrize(
    ("orientation", "size", "blue"),
    [(1, (60, 40), (5, 20)), (3, (60, 40), (55, 20)), (6, (40, 60), (20, 5)), (8, (40, 60), (20, 55))],
)
def test_pictures_are_turned_upright(orientation: int, size: tuple[int, int], blue: tuple[int, int]) -> None:
    made = prepare_picture(draw(exif=exif_with_location(orientation)))
    picture = read(made.picture)
    assert (made.width, made.height) == picture.size == size
    assert is_near(picture.getpixel(blue), BLUE)


def test_broken_notes_of_the_camera_are_ignored() -> None:
    assert prepare_picture(draw(exif=b"Exif\0\0II*\0\xff\xff\xff\xff broken")).width == 60


def test_a_phones_double_picture_is_a_jpeg() -> None:
    encoded = io.BytesIO()
    second = Image.new("RGB", (30, 30), "green")
    read(draw()).save(encoded, "MPO", save_all=True, append_images=[second])
    made = prepare_picture(encoded.getvalue())
    assert (made.width, made.height) == (60, 40)


# What is refused


@pytest.mark.parametrize("side", [8_000, 30_000, 65_000])
def test_too_many_pixels_are_refused_before_they_are_decoded(side: int) -> None:
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n"
    for kind, content in ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 1_000_000)), (b"IEND", b"")):
        bomb += struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
    with pytest.raises(TooManyPixels):
        prepare_picture(bomb)


def test_too_many_pixels_in_the_other_kinds() -> None:
    gif = draw(kind="GIF")
    with pytest.raises(TooManyPixels):
        prepare_picture(gif[:6] + struct.pack("<HH", 60_000, 60_000) + gif[10:])
    jpeg = draw()
    start = jpeg.index(b"\xff\xc0") + 5
    with pytest.raises(TooManyPixels):
        prepare_picture(jpeg[:start] + struct.pack(">HH", 65_000, 65_000) + jpeg[start + 4 :])
    webp = bytearray(draw(kind="WEBP", mode="RGBA"))
    start = webp.index(b"VP8X") + 12
    webp[start : start + 6] = (16_382).to_bytes(3, "little") * 2
    with pytest.raises(TooManyPixels):
        prepare_picture(bytes(webp))


def test_a_jpeg_of_endless_scans_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    progressive = draw(200, 200, progressive=True)
    assert 1 < progressive.count(b"\xff\xda") <= pictures.MAX_SCANS
    prepare_picture(progressive)
    monkeypatch.setattr(pictures, "MAX_SCANS", 3)
    with pytest.raises(PictureUnreadable):
        prepare_picture(progressive)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_cut_off_files_are_refused(kind: str) -> None:
    encoded = io.BytesIO()
    Image.effect_noise((200, 200), 80).convert("RGB").save(encoded, kind)
    whole = encoded.getvalue()
    prepare_picture(whole)
    for length in (len(whole) // 2, len(whole) // 4, 40):
        with pytest.raises((PictureUnreadable, UnsupportedType)):
            prepare_picture(whole[:length])


def test_damaged_files_are_refused() -> None:
    whole = draw(300, 300, "PNG")
    middle = whole.index(b"IDAT") + 20
    with pytest.raises(PictureUnreadable):
        prepare_picture(whole[:middle] + bytes(40) + whole[middle + 40 :])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"<html><script>alert(1)</script></html>",
        b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        b"%PDF-1.7 ...",
        b"PK\x03\x04" + bytes(100),
        b"\0\0\0\x18ftypheic" + bytes(100),
    ],
)
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    with pytest.raises(UnsupportedType):
        prepare_picture(content)


def test_what_an_iphone_takes_becomes_a_picture_that_everybody_can_see() -> None:
    taken = Path(__file__).with_name("phone.heic").read_bytes()
    assert b"iPhone" in taken
    made = prepare_picture(taken)
    assert (made.format, made.width, made.height) == (PictureFormat.JPEG, 64, 48)
    assert b"iPhone" not in made.picture
    shown = read(made.picture)
    red, blue = (shown.crop((x, 20, x + 1, 21)).tobytes() for x in (50, 4))
    assert red[0] > 200 > red[2]
    assert blue[2] > 200 > blue[0]
    for broken in (taken[:400], taken[:-40], taken[:300] + bytes(40) + taken[340:]):
        with pytest.raises((PictureUnreadable, UnsupportedType)):
            prepare_picture(broken)


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "ICO", "PPM", "EPS"])
def test_kinds_that_phones_do_not_make_are_refused(kind: str) -> None:
    with pytest.raises(UnsupportedType):
        prepare_picture(draw(kind=kind))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
def test_nothing_hidden_in_a_picture_survives(kind: str) -> None:
    """A file that is a picture and also something else (a page with a script, an archive) is only a picture again."""
    script, archive = b"<script>alert('hidden')</script>", b"PK\x03\x04hidden"
    made = prepare_picture(draw(kind=kind) + script + archive)
    for variant in (made.picture, made.thumbnail):
        assert b"hidden" not in variant
        assert b"PK\x03\x04" not in variant


def test_the_noisiest_pictures_stay_below_what_wechats_check_takes() -> None:
    noise = Image.merge("RGB", [Image.effect_noise((2560, 2560), 120) for _ in range(3)])
    encoded = io.BytesIO()
    noise.save(encoded, "JPEG", quality=85)
    assert len(prepare_picture(encoded.getvalue()).picture) < pictures.MAX_BYTES
    small = noise.resize((1280, 1280)).convert("RGBA")
    small.putalpha(Image.effect_noise((1280, 1280), 120))
    encoded = io.BytesIO()
    small.save(encoded, "PNG", compress_level=1)
    assert len(prepare_picture(encoded.getvalue()).picture) < pictures.MAX_BYTES
