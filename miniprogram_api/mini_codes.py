"""小程序码 mini-program codes: what a scanned one stands for."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit

import msgspec
from sanic import Request, Sanic
from sanic.response import HTTPResponse

from miniprogram_api.fields import Strict
from miniprogram_api.routing import Routes, Who
from miniprogram_api.scanned import facts, show_scanned, words
from server.accounts.joining import show_shared_community
from server.accounts.models import ConsentKind
from server.accounts.sessions import Caller
from server.accounts.sharing import ShareBar, SharedCard
from server.foundation.bounds import RequiredText
from server.foundation.errors import NotFound
from server.media.mini_codes import OPEN_PATH, CodeKind, SceneView, read_scene
from server.media.mini_codes import resolve_scene as find_target
from server.neighbor_center.venues.sharing import show_shared_venue
from server.volunteering.sharing import show_shared_activity
from server.wishes.stories import show_shared_wish

routes = Routes("小程序码 codes")


class SceneQuery(Strict):
    scene: Annotated[
        RequiredText,
        msgspec.Meta(
            max_length=512,
            description="the scene with which the page was opened, or the address that a plain code holds (`q`)",
        ),
    ]


class Scanned(SceneView, kw_only=True):
    """What was scanned, and as on its card what stands in the caller's way."""

    why: ShareBar | None
    advice: str
    consent: ConsentKind | None


_CARDS: dict[CodeKind, Callable[[str | None, str], Awaitable[SharedCard]]] = {
    CodeKind.SHIFT: show_shared_activity,
    CodeKind.VENUE: show_shared_venue,
    CodeKind.COMMUNITY: show_shared_community,
    CodeKind.JOIN: show_shared_community,
    CodeKind.WISH: show_shared_wish,
}


@routes.get("/scene", who=Who.ANYONE, errors=[NotFound])
async def resolve_scene(caller: Caller | None, query: SceneQuery) -> Scanned:
    """扫码打开的内容

    `page` 是要打开的页面及其参数；`why` 和 `advice` 说明还差什么、怎么办。无需登录：人们最先扫到的往往是一张海报。
    """
    scene = await find_target(query.scene)
    (subject_id,) = parse_qs(urlsplit(scene.page).query)["id"]
    card = await _CARDS[scene.kind](caller.person_id if caller else None, subject_id)
    return Scanned(
        scene.kind, scene.id, scene.title, scene.page, why=card.why, advice=card.advice, consent=card.consent
    )


def add_open_page(app: Sanic[Any, Any]) -> None:
    """`/open/<scene>`: where a plain code leads a phone's own scanner. WeChat opens the mini-program instead, where the
    operator has told its console so (扫普通链接二维码打开小程序)."""

    @app.get(f"{OPEN_PATH}<scene>")
    async def open_scene(request: Request, scene: str) -> HTTPResponse:
        request.ctx.operation = "open_scene"
        try:
            kind, _ = read_scene(scene)
        except NotFound:
            how = words("它不是邻里的二维码，或者印得不完整。请换一个角度再扫，或向社区工作人员了解。")
            return show_scanned("wrong", "无法识别的二维码", how, note=_NOTE, status=404)
        try:
            title = (await find_target(scene)).title
        except NotFound:
            ended = words("它可能已经结束、下架或并入别处。请向社区工作人员了解。")
            return show_scanned("wrong", "内容不存在或已结束", ended, subtitle=kind.word, note=_NOTE)
        told = facts(
            [
                ("可以做什么", _PURPOSES[kind]),
                ("怎样打开", "打开微信，进入小程序“邻里”，用其中的“扫一扫”扫描同一个二维码。"),
            ]
        )
        return show_scanned("plain", title, told, subtitle=kind.word, note=_NOTE)


_PURPOSES = {
    CodeKind.SHIFT: "了解活动，报名参加。",
    CodeKind.VENUE: "看开放时间，预约服务和场地。",
    CodeKind.COMMUNITY: "党员向社区报到。",
    CodeKind.JOIN: "成为社区的一员：报名志愿服务、预约场馆、许下微心愿。",
    CodeKind.WISH: "看看这个心愿怎样实现，也为别人圆一个心愿。",
}
_NOTE = "社区服务 · 志愿服务 · 双报到"
