"""The card and the sheet: of the right size, with codes that scanners read, whatever is written on them."""

import io

import pytest
import zxingcpp
from PIL import Image

from server.media.drawing.member_card import MemberCard, draw_member_card
from server.media.drawing.qr import draw_qr
from server.media.drawing.sheet import Sheet, SheetFormat, draw_sheet

QR = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
ADDRESS = "https://linli.example.cn/api/v1/identity-cards/" + "A" * 90 + "/page"


@pytest.mark.parametrize(
    ("name", "posts"),
    [
        ("王小明", []),
        ("李敏", ["楼道环境监督员"]),
        ("阿卜杜热合曼·买买提", ["文明劝导岗（早晚高峰路口值守）"] * 3),
        ("名" * 40, ["岗" * 40] * 7),
        ("", ["政策宣传员"] * 4),
    ],
)
async def test_every_card_can_be_scanned(name: str, posts: list[str]) -> None:
    card = MemberCard(name, "竹岛社区", "2026年3月", posts, ADDRESS, "15:04")
    picture = Image.open(io.BytesIO(await draw_member_card(card)))
    assert (picture.format, picture.size) == ("PNG", (900, 1350))
    (code,) = zxingcpp.read_barcodes(picture, QR)
    assert code.text == ADDRESS
    half = picture.resize((450, 675))
    assert zxingcpp.read_barcodes(half, QR)[0].text == ADDRESS, "as small as on a phone"


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize(("title", "facts"), [("名" * 60, 5), ("竹岛社区", 0)])
async def test_a_sheet_can_be_scanned_and_printed(kind: str, title: str, facts: int) -> None:
    code = io.BytesIO()
    Image.open(io.BytesIO(draw_qr("c=0123456789012345678901", width=1280))).convert("RGB").save(code, kind)
    sheet = Sheet(
        kicker="社区",
        title=title,
        code=code.getvalue(),
        how=["微信扫一扫", "说明"],
        facts=[("地址", "地" * 40)] * facts,
        issuer="威海市" * 12,
    )
    drawn = Image.open(io.BytesIO(await draw_sheet(sheet, SheetFormat.PNG)))
    assert drawn.size == (2480, 3508), "A4 at 300 dots an inch"
    (found,) = zxingcpp.read_barcodes(drawn)
    assert found.text == "c=0123456789012345678901"
    printed = await draw_sheet(sheet, SheetFormat.PDF)
    assert printed.startswith(b"%PDF-")
    assert printed.count(b"/Type/Page/") == 1
    assert b"/FontFile3" in printed, "text, with its fonts"
