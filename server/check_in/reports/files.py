"""Half-year reports as files: PDF to sign and keep, xlsx to work on."""

import asyncio
from datetime import datetime

from server.check_in.reports.freezing import ReportLine
from server.check_in.reports.queries import ReportView, UnitReportCard, UnitSummary, get_whole_summary, view_report
from server.foundation import clock
from server.foundation.dates import render_duration, render_time
from server.media import spreadsheets
from server.media.drawing.fonts import require_glyphs
from server.media.drawing.pdf import Column, Document, Signatures, Table, Text, draw_pdf
from server.media.files import File
from server.organizations.queries import describe_organizations


async def report_pdf(person_id: str, report_id: str) -> File:
    """A report as PDF, for those who may see it; audited. Raises NotFound, GlyphMissing."""
    report = await view_report(person_id, report_id, "download_report")
    require_glyphs(report.name)
    place = (await describe_organizations([report.community_id]))[report.community_id]["full_name"]
    document = Document(
        title="在职党员作用发挥情况反馈表",
        subtitle=report.period_words,
        facts=[
            ("姓名", report.name),
            ("所属党组织", report.home_organization),
            ("报到社区", report.community_name),
            ("所在单位", report.unit_name or "—"),
            ("服务时长", duration(report.minutes)),
            ("积分", _signed(report.points)),
            ("社区评价", report.grade.word if report.grade else "—"),
            ("状态", report.state.word),
        ],
        parts=[
            *([Text("社区意见", report.opinion)] if report.opinion else []),
            Table(
                "服务汇总",
                [Column("类别"), Column("次数", 22, True), Column("时长", 36, True), Column("积分", 22, True)],
                [
                    *(
                        [total.rule_name, str(total.times), duration(total.minutes), _signed(total.points)]
                        for total in report.by_rule
                    ),
                    ["合计", "", duration(report.minutes), _signed(report.points)],
                ],
            ),
            *([_late_note(report)] if report.late_minutes or report.late_points else []),
            Signatures(["报到社区党组织（盖章）", "所属党组织（盖章）", "本人（签字）"]),
            Table(
                "服务明细",
                [
                    Column("日期", 21),
                    Column("内容"),
                    Column("社区", 24),
                    Column("时长", 28, True),
                    Column("积分", 13, True),
                    Column("备注", 22),
                ],
                [
                    [
                        _day(line.occurred_at),
                        _what(line),
                        line.community,
                        duration(line.minutes),
                        _signed(line.points),
                        _note(line),
                    ]
                    for line in report.lines
                ]
                or [["—", "本期没有服务记录", "", "", "", ""]],
            ),
        ],
        foot=f"{place} 党组织　{_day(report.released_at or report.frozen_at)}　编号 {report.id}",
    )
    return File(f"{_file_name(report)}.pdf", await draw_pdf(document))


async def report_xlsx(person_id: str, report_id: str) -> File:
    """A report as xlsx, for those who may see it; audited. Raises NotFound."""
    report = await view_report(person_id, report_id, "download_report")
    facts: list[list[str | int]] = [
        ["反馈期间", report.period_words],
        ["姓名", report.name],
        ["所属党组织", report.home_organization],
        ["报到社区", report.community_name],
        ["所在单位", report.unit_name],
        ["服务时长（分钟）", report.minutes],
        ["积分", report.points],
        ["社区评价", report.grade.word if report.grade else ""],
        ["社区意见", report.opinion],
    ]
    title = f"在职党员作用发挥情况反馈，{report.period_words}，{report.name}，{report.community_name}"
    lines: list[list[str | int]] = [
        [_day(line.occurred_at), line.rule_name, line.title, line.community, line.minutes, line.points, _note(line)]
        for line in report.lines
    ]
    sheets = [
        _sheet("反馈表", [("项目", 18), ("内容", 60)], facts, title=title),
        _sheet(
            "服务明细",
            [("日期", 12), ("类别", 18), ("内容", 40), ("社区", 16), ("时长（分钟）", 12), ("积分", 8), ("备注", 16)],
            lines,
            title=title,
        ),
    ]
    return File(f"{_file_name(report)}.xlsx", await _workbook(sheets))


async def unit_summary_pdf(person_id: str, unit_id: str, period: str) -> File:
    """What a unit received for a half-year as PDF, for its liaison; audited. Raises NotFound."""
    summary, cards = await get_whole_summary(person_id, unit_id, period)
    require_glyphs(*(card.name for card in cards))
    document = Document(
        title="在职党员作用发挥情况汇总表",
        subtitle=f"{summary.unit_name}　{summary.period_words}",
        facts=[
            ("党员人数", str(summary.members)),
            ("已签收", str(summary.acknowledged)),
            ("服务时长", duration(summary.minutes)),
            ("积分", _signed(summary.points)),
        ],
        parts=[
            Table(
                "社区评价",
                [Column("评价"), Column("人数", 30, True)],
                [[count.grade.word, str(count.members)] for count in summary.by_grade],
            ),
            Table(
                "党员名单",
                [
                    Column("序号", 14, True),
                    Column("姓名", 26),
                    Column("所属党组织"),
                    Column("报到社区", 44),
                    Column("时长", 32, True),
                    Column("积分", 18, True),
                    Column("社区评价", 24),
                    Column("反馈日期", 26),
                ],
                [
                    [
                        str(number),
                        card.name,
                        card.home_organization,
                        card.community_name,
                        duration(card.minutes),
                        _signed(card.points),
                        card.grade.word,
                        _day(card.released_at),
                    ]
                    for number, card in enumerate(cards, 1)
                ],
            ),
            Signatures(["单位党组织（盖章）", "联络员（签字）"]),
        ],
        foot=f"{summary.unit_name}　{_day(clock.now())}",
        landscape=True,
    )
    return File(f"{_summary_name(summary)}.pdf", await draw_pdf(document))


async def unit_summary_xlsx(person_id: str, unit_id: str, period: str) -> File:
    """The same as xlsx."""
    summary, cards = await get_whole_summary(person_id, unit_id, period)
    sheet = _sheet(
        "汇总",
        [
            ("姓名", 12),
            ("所属党组织", 36),
            ("报到社区", 16),
            ("时长（分钟）", 12),
            ("积分", 8),
            ("社区评价", 12),
            ("反馈日期", 12),
            ("状态", 12),
        ],
        [*(_summary_row(card) for card in cards), ["合计", "", "", summary.minutes, summary.points, "", "", ""]],
        title=f"{summary.unit_name} 在职党员作用发挥情况汇总，{summary.period_words}，"
        f"{render_time(clock.now())} 导出，共 {len(cards)} 人",
    )
    return File(f"{_summary_name(summary)}.xlsx", await _workbook([sheet]))


async def _workbook(sheets: list[spreadsheets.Sheet]) -> bytes:
    return await asyncio.to_thread(spreadsheets.write_workbook, sheets)


def _sheet(name: str, columns: list[tuple[str, int]], rows: list[list[str | int]], *, title: str) -> spreadsheets.Sheet:
    return spreadsheets.Sheet(name, [spreadsheets.Column(heading, width) for heading, width in columns], rows, title)


def duration(minutes: int) -> str:
    """`2 小时 5 分钟`; what a reversal takes back has a minus."""
    return f"{'−' if minutes < 0 else ''}{render_duration(abs(minutes))}" if minutes else "—"


def _signed(points: int) -> str:
    return str(points).replace("-", "−")


def _summary_row(card: UnitReportCard) -> list[str | int]:
    return [
        card.name,
        card.home_organization,
        card.community_name,
        card.minutes,
        card.points,
        card.grade.word,
        _day(card.released_at),
        card.state.word,
    ]


def _late_note(report: ReportView) -> Text:
    return Text(
        "补记说明",
        f"本期合计中，时长 {duration(report.late_minutes)}、积分 {_signed(report.late_points)} 属于以前的期间："
        "有关记录在当期反馈形成之后才登记或更正，按规定计入本期，在明细中注明。",
    )


def _what(line: ReportLine) -> str:
    return f"{line.rule_name}：{line.title}" if line.title else line.rule_name


def _note(line: ReportLine) -> str:
    words = [word for word, is_so in (("冲正", line.is_reversal), ("补记", line.is_late)) if is_so]
    return "、".join(words)


def _day(moment: datetime) -> str:
    return f"{clock.shanghai(moment):%Y-%m-%d}"


def _file_name(report: ReportView) -> str:
    return f"{report.period_words}在职党员反馈表_{report.name}"


def _summary_name(summary: UnitSummary) -> str:
    return f"{summary.period_words}在职党员汇总表_{summary.unit_name}"
