"""Rare characters: drawn from a further font, and otherwise told in words before anything official is issued."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PIL import Image, ImageDraw

from server.accounts.details import save_details
from server.foundation.dates import today
from server.foundation.settings import Settings, SettingsInvalid, load_settings
from server.media.drawing import fonts, lettering
from server.media.drawing.pdf import Document, draw_pdf
from server.volunteering.hours.models import Certificate
from tests.check_in.reports.builders import OPINION, create_cast
from tests.clients import Api
from tests.volunteering.attendance.builders import served, shanghai_time
from tests.volunteering.builders import create_people

RARE = "\U00020bb7"
ONE_CHARACTER = Path(__file__).with_name("one-rare-character.ttf")
"""𠮷 alone, of the Hanazono fonts, which may be copied and changed without limits."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(ONE_CHARACTER, tmp_path / "rare.ttf")
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    return tmp_path


@pytest.fixture
def further_font(settings: Settings, folder: Path) -> Iterator[None]:
    fonts.use_fonts(msgspec.structs.replace(settings, fonts=folder))
    yield
    fonts.use_fonts(settings)


def _period() -> dict[str, Any]:
    return {"since": (today() - timedelta(days=60)).isoformat(), "until": (today() + timedelta(days=60)).isoformat()}


@pytest.mark.parametrize(("name", "missing"), [(f"王{RARE}明", [RARE]), ("김철수", ["김", "수", "철"])])
async def test_no_certificate_has_a_box_in_its_name(api: Api, name: str, missing: list[str]) -> None:
    people = await create_people(api)
    await save_details(people.first.person_id, real_name=name)
    await save_details(people.second.person_id, real_name="李大力")
    for person in (people.first, people.second):
        await served(people, person, shanghai_time(1, 9), 60)
    refused = await people.first.refused("POST", "/me/certificates", _period(), code="glyph_missing")
    assert refused["characters"] == missing
    assert all(f"“{letter}”（U+{ord(letter):04X}）" in refused["detail"] for letter in missing)
    assert not await Certificate.exists()
    await people.second.post("/me/certificates", _period(), expect=201)


async def test_with_a_font_it_is_issued(api: Api, settings: Settings, further_font: None) -> None:
    people = await create_people(api)
    await save_details(people.first.person_id, real_name=f"王{RARE}明")
    await served(people, people.first, shanghai_time(1, 9), 60)
    made = await people.first.post("/me/certificates", _period(), expect=201)
    paths = [f"/certificates/{made['id']}/{kind}" for kind in ("picture", "pdf")]
    for path in paths:
        assert (await people.first.send("GET", path)).status_code == 200
    fonts.use_fonts(settings)
    # Issued where there was a font, asked for where there is none.
    for path in paths:
        await people.first.refused("GET", path, code="glyph_missing")


async def test_nor_has_a_half_year_report(api: Api) -> None:
    cast = await create_cast(api)
    await cast.staff.put(f"/staff/reports/{cast.report_id}/assessment", OPINION)
    path = f"/reports/{cast.report_id}/pdf"
    assert (await cast.staff.send("GET", path)).status_code == 200
    await save_details(cast.member.api.person_id, real_name=f"王{RARE}明")
    await cast.staff.refused("GET", path, code="glyph_missing")


async def test_a_further_font_serves_pictures_and_documents(further_font: None) -> None:
    assert fonts.font_with(RARE) != fonts.font_with("明")
    fonts.require_glyphs(f"王{RARE}明")
    drawn, empty = (Image.new("L", (200, 80), 255) for _ in range(2))
    after = lettering.write(ImageDraw.Draw(drawn), (0, 0), RARE, 40, "black")
    assert drawn != empty
    assert after == lettering.length_of(RARE, 40) > 30
    top, bottom = _rows(drawn)
    latin = Image.new("L", (200, 80), 255)
    lettering.write(ImageDraw.Draw(latin), (0, 0), "国", 40, "black")
    assert abs(top - _rows(latin)[0]) < 8, "on one line with the others"
    assert abs(bottom - _rows(latin)[1]) < 8
    document = await draw_pdf(Document(title=f"王{RARE}明"))
    assert len(document) > len(await draw_pdf(Document(title="王明明"))), "a second font is embedded"


def test_what_no_font_has_in_other_texts() -> None:
    """An activity's title with an emoji still makes a document: without it, and with 〓 for a letter."""
    assert lettering.legible(f"净滩{RARE}行动🎉 一起来\x00") == "净滩〓行动 一起来"


def test_a_folder_that_is_not_there() -> None:
    with pytest.raises(SettingsInvalid, match="LINLI_FONTS"):
        load_settings({"LINLI_ENV": "test", "LINLI_FONTS": "/nowhere/fonts"})


def _rows(picture: Image.Image) -> tuple[int, int]:
    """The first and the last row with ink in it."""
    box = picture.point(lambda value: 255 - value).getbbox()
    assert box is not None
    return box[1], box[3]
