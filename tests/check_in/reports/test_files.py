"""The files: what people wrote stays text, and every kind of line reads well."""

import io
import zlib

from openpyxl import load_workbook

from server.check_in.reports.files import duration
from server.media.drawing.pdf import Column, Document, Table, Text, draw_pdf
from tests.check_in.reports.builders import OPINION, create_cast
from tests.clients import Api


async def test_what_people_wrote_never_becomes_a_formula(api: Api) -> None:
    cast = await create_cast(api)
    evil = '=HYPERLINK("http://example.invalid","点我")'
    await cast.staff.put(f"/staff/reports/{cast.report_id}/assessment", OPINION | {"opinion": evil})
    made = await cast.staff.send("GET", f"/reports/{cast.report_id}/xlsx")
    cells = {row[0].value: row[1] for row in load_workbook(io.BytesIO(made.content))["反馈表"].iter_rows()}
    assert (cells["社区意见"].value, cells["社区意见"].data_type) == (evil, "s")
    assert cells["服务时长（分钟）"].value == 125


async def test_what_people_wrote_never_becomes_markup() -> None:
    """Typst's own markup in a name or an opinion is printed as it was written."""
    evil = '#panic("x") $x$ *b* _i_ @ref <label> \\ ] { #read("/etc/passwd")'
    plain = Document(title="标题", parts=[Text("意见", "好")])
    drawn = await draw_pdf(Document(title=evil, facts=[(evil, evil)], parts=[Text(evil, evil)], foot=evil))
    assert drawn.startswith(b"%PDF-")
    assert len(drawn) > len(await draw_pdf(plain))


async def test_a_long_table_goes_over_pages_and_the_font_is_embedded() -> None:
    rows = [[f"2030-01-{day % 28 + 1:02}", "海边清洁“净滩行动”，清理岸线垃圾", "2 小时 5 分钟"] for day in range(200)]
    drawn = await draw_pdf(
        Document(
            title="长表", parts=[Table("明细", [Column("日期", 25), Column("内容"), Column("时长", 25, True)], rows)]
        )
    )
    assert drawn.count(b"/Type/Page/") + drawn.count(b"/Type /Page\n") + _pages(drawn) >= 5
    assert b"NotoSansSC" in drawn or b"NotoSansSC" in _inflated(drawn)
    assert len(drawn) < 400_000


async def test_a_report_without_anything_in_it_is_a_file_too(api: Api) -> None:
    cast = await create_cast(api)
    await cast.staff.put(f"/staff/reports/{cast.report_id}/assessment", OPINION)
    for path, start in (("pdf", b"%PDF-"), ("xlsx", b"PK")):
        response = await cast.member.api.send("GET", f"/reports/{cast.report_id}/{path}")
        assert response.status_code == 200
        assert response.content.startswith(start)
        assert response.headers["cache-control"] == "no-store"
        assert f".{path}" in response.headers["content-disposition"]


def test_durations_read_well() -> None:
    assert [duration(minutes) for minutes in (0, 5, 60, 125, -125, -5)] == [
        "—",
        "5 分钟",
        "1 小时",
        "2 小时 5 分钟",
        "−2 小时 5 分钟",
        "−5 分钟",
    ]


def _inflated(drawn: bytes) -> bytes:
    """All compressed parts of a PDF, as far as they can be read."""
    parts = []
    for piece in drawn.split(b"stream")[1:]:
        try:
            parts.append(zlib.decompressobj().decompress(piece.lstrip(b"\r\n")))
        except zlib.error:
            continue
    return b"".join(parts)


def _pages(drawn: bytes) -> int:
    inflated = _inflated(drawn)
    return inflated.count(b"/Type/Page/") + inflated.count(b"/Type/Page>")
