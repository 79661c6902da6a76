"""志愿服务证明 certificates: issued, drawn, and checked by anyone."""

from datetime import date
from typing import Annotated

import msgspec
from sanic.response import HTTPResponse

from miniprogram_api.downloads import send_file
from miniprogram_api.fields import Strict
from miniprogram_api.routing import Routes, Who
from miniprogram_api.scanned import facts, lines, show_scanned, words
from server.accounts.sessions import Caller
from server.foundation.bounds import RequiredText
from server.foundation.dates import render_date, render_duration
from server.foundation.errors import NotFound, WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery
from server.foundation.rates import Group
from server.media.drawing.fonts import GlyphMissing
from server.media.files import File
from server.volunteering.hours import certificates
from server.volunteering.hours.certificates import CertificateCheck, CertificateView
from server.volunteering.hours.errors import CertificateInvalid, NameMissing, NothingToCertify

routes = Routes("志愿服务证明 certificates")


class IssueCertificate(Strict):
    """Both days are included, by Shanghai's calendar. `person_id`: a dependant; left out, oneself."""

    since: date
    until: date
    person_id: Id | None = None


@routes.post("/me/certificates", status=201, errors=[NotFound, NameMissing, GlyphMissing, NothingToCertify, WrongState])
async def issue_certificate(caller: Caller, body: IssueCertificate) -> CertificateView:
    """开具志愿服务证明

    只列已确认生效的志愿服务时长；同一时期内容没有变化时，得到同一份。须已填写真实姓名并选择社区。
    姓名中有字库没有的字时不出具（`glyph_missing`，`characters` 是哪些字）。
    """
    return await certificates.issue_certificate(caller.person_id, body.since, body.until, body.person_id)


@routes.get("/me/certificates")
async def list_my_certificates(caller: Caller, query: PageQuery) -> Page[CertificateView]:
    """我的证明（含家人的）"""
    return await certificates.list_my_certificates(caller.person_id, query)


@routes.get("/certificates/<certificate_id>")
async def get_certificate(caller: Caller, certificate_id: Id) -> CertificateView:
    """证明详情"""
    return await certificates.get_certificate(caller.person_id, certificate_id)


@routes.get(
    "/certificates/<certificate_id>/picture",
    raw=("image/png",),
    group=Group.DRAWING,
    errors=[CertificateInvalid, GlyphMissing],
)
async def draw_certificate(caller: Caller, certificate_id: Id) -> HTTPResponse:
    """证明图片（PNG）

    用 wx.downloadFile 下载，请求头带令牌。
    """
    content = await certificates.draw_certificate(caller.person_id, certificate_id)
    return send_file(File("志愿服务证明.png", content), "image/png", shown="inline")


@routes.get(
    "/certificates/<certificate_id>/pdf",
    raw=("application/pdf",),
    group=Group.DRAWING,
    errors=[CertificateInvalid, GlyphMissing],
)
async def print_certificate(caller: Caller, certificate_id: Id) -> HTTPResponse:
    """证明 PDF（A4，供打印）"""
    content = await certificates.draw_certificate(caller.person_id, certificate_id, as_pdf=True)
    return send_file(File("志愿服务证明.pdf", content), "application/pdf", shown="inline")


class NumberAndCode(Strict):
    number: Annotated[RequiredText, msgspec.Meta(max_length=32)]
    code: Annotated[RequiredText, msgspec.Meta(max_length=16)]


@routes.get("/certificates/verification", who=Who.ANYONE, group=Group.CODES, errors=[NotFound])
async def check_certificate(query: NumberAndCode) -> CertificateCheck:
    """核验证明

    任何人凭编号和验证码核验，无需登录；姓名脱敏。
    """
    return await certificates.check_certificate(query.number, query.code)


@routes.get("/certificates/check", who=Who.ANYONE, raw=("text/html",), group=Group.CODES, errors=[NotFound])
async def show_certificate_check(query: NumberAndCode) -> HTTPResponse:
    """核验证明的网页

    证明上的二维码打开此页。
    """
    try:
        found = await certificates.check_certificate(query.number, query.code)
    except NotFound:
        return show_scanned(
            "wrong", "未找到该证明", words("编号或验证码不正确，请对照证明重新核对。"), note=_NOTE, status=404
        )
    name_status = "姓名已由社区核实" if found.name_is_verified else "姓名由本人填写"
    told = facts(
        [
            ("姓名", found.name),
            ("身份", found.identity),
            ("编号", found.number),
            ("时期", f"{render_date(found.since)}至{render_date(found.until)}"),
            ("参加次数", f"{found.times} 次"),
            ("服务时长", render_duration(found.minutes)),
            ("出具单位", found.issuer_name),
            ("出具日期", render_date(found.issued_at)),
        ]
    )
    periods = lines(
        "分期统计", [(line.label, f"{line.times} 次", render_duration(line.minutes)) for line in found.periods]
    )
    items = lines(
        "服务明细",
        [
            (f"{item.day:%Y-%m-%d}", f"{item.title}（{item.organizer}）", render_duration(item.minutes))
            for item in found.items
        ],
    )
    if found.is_valid:
        return show_scanned("good", "证明真实有效", told, periods, items, subtitle=name_status, note=_NOTE)
    return show_scanned("wrong", "证明已经作废", told, periods, items, subtitle=f"{found.problem}。", note=_NOTE)


_NOTE = "志愿服务证明核验 · 请与证明上的内容逐项核对"
