"""小程序码 mini-program codes: what a scanned one stands for."""

from html import escape
from typing import Annotated, Any

import msgspec
from sanic import Request, Sanic
from sanic.response import HTTPResponse

from miniprogram_api.fields import Strict
from miniprogram_api.routing import Routes, Who
from server.foundation.bounds import RequiredText
from server.foundation.errors import NotFound
from server.media.mini_codes import OPEN_PATH, SceneView, read_scene
from server.media.mini_codes import resolve_scene as find_target

routes = Routes("小程序码 codes")

_PAGE = """<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
</head>
<body>
<h1>{title}</h1>
<p>请打开微信小程序“邻里”，用其中的“扫一扫”扫描此二维码。</p>
</body>
</html>
"""
_POLICY = "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


class SceneQuery(Strict):
    scene: Annotated[
        RequiredText,
        msgspec.Meta(
            max_length=512,
            description="the scene with which the page was opened, or the address that a plain code holds (`q`)",
        ),
    ]


@routes.get("/scene", who=Who.ANYONE, errors=[NotFound])
async def resolve_scene(query: SceneQuery) -> SceneView:
    """扫码打开的内容

    `page` 是要打开的页面及其参数。无需登录：人们最先扫到的往往是一张海报。
    """
    return await find_target(query.scene)


def add_open_page(app: Sanic[Any, Any]) -> None:
    """`/open/<scene>`: where a plain code leads a phone's own scanner. WeChat opens the mini-program instead, where the
    operator has told its console so (扫普通链接二维码打开小程序)."""

    @app.get(f"{OPEN_PATH}<scene>")
    async def open_scene(request: Request, scene: str) -> HTTPResponse:
        request.ctx.operation = "open_scene"
        read_scene(scene)
        try:
            title = (await find_target(scene)).title
        except NotFound:
            title = "内容不存在或已结束"
        headers = {"content-security-policy": _POLICY, "referrer-policy": "no-referrer"}
        page = _PAGE.format(title=escape(title))
        return HTTPResponse(page, content_type="text/html; charset=utf-8", headers=headers)
