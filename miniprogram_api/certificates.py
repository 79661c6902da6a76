"""志愿服务证明 certificates: issued, drawn, and checked by anyone."""

import base64
import hashlib
from datetime import date
from html import escape
from typing import Annotated

import msgspec
from sanic.response import HTTPResponse

from miniprogram_api.downloads import send_file
from miniprogram_api.fields import Strict
from miniprogram_api.routing import Routes, Who
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
        return _page("wrong", "未找到该证明", "<p>编号或验证码不正确，请对照证明重新核对。</p>", status=404)
    facts = [
        ("编号", found.number),
        ("姓名", f"{found.name}（{'已由社区核实' if found.name_is_verified else '由本人填写'}）"),
        ("时期", f"{render_date(found.since)} 至 {render_date(found.until)}"),
        ("参加次数", f"{found.times} 次"),
        ("服务时长", render_duration(found.minutes)),
        ("出具单位", found.issuer_name),
        ("出具日期", render_date(found.issued_at)),
    ]
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in facts)
    months = "".join(
        f"<tr><td>{escape(line.label)}</td><td>{line.times} 次</td><td>{render_duration(line.minutes)}</td></tr>"
        for line in found.periods
    )
    body = f"<table>{rows}</table><h2>分期明细</h2><table class=lines>{months}</table>"
    if found.is_valid:
        return _page("good", "证明真实有效", body)
    return _page("wrong", "证明已经作废", f"<p>{escape(found.problem)}。</p>{body}")


_STYLE = """
body { margin: 0; background: #f6f3ec; color: #2b2622; font: 16px/1.6 system-ui, "PingFang SC", sans-serif }
main { max-width: 32em; margin: 0 auto; padding: 1.5em 1em 3em }
header { border-radius: 12px; padding: 1.4em 1em; color: #fff; text-align: center }
.good { background: #2f7d4f }
.wrong { background: #a61e1e }
header b { display: block; font-size: 2.6em; line-height: 1.1 }
h1 { margin: .2em 0 0; font-size: 1.35em }
h2 { margin: 1.6em 0 .4em; font-size: 1em; color: #7a7068 }
table { width: 100%; margin-top: 1em; border-collapse: collapse; background: #fff; border-radius: 12px }
th, td { padding: .7em 1em; border-bottom: 1px solid #f0ebe0; text-align: left; vertical-align: top }
tr:last-child > * { border-bottom: 0 }
th { width: 5em; font-weight: normal; color: #7a7068 }
.lines { margin-top: 0 }
.lines td:nth-child(2) { text-align: center }
.lines td:last-child { text-align: right }
footer { margin-top: 1.6em; font-size: .85em; color: #7a7068; text-align: center }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

_PAGE = """<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>志愿服务证明核验</title>
<style>{style}</style>
</head>
<body>
<main>
<header class="{kind}"><b>{sign}</b><h1>{title}</h1></header>
{body}
<footer>邻里 · 志愿服务证明核验<br>请与证明上的内容逐项核对</footer>
</main>
</body>
</html>
"""


def _page(kind: str, title: str, body: str, status: int = 200) -> HTTPResponse:
    sign = "✓" if kind == "good" else "✗"
    return HTTPResponse(
        _PAGE.format(style=_STYLE, kind=kind, sign=sign, title=title, body=body),
        status=status,
        content_type="text/html; charset=utf-8",
        headers={
            "content-security-policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'",
            "cache-control": "no-store",
            "referrer-policy": "no-referrer",
        },
    )
