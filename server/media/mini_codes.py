"""Mini-program codes 小程序码: pictures that open the mini-program's page about one thing.

A code holds a page without a query and a scene of up to 32 characters. CODES is the one place that says which scenes
there are: a letter and an id, 24 characters. What a code holds is public: signing in at a shift takes its own code,
which changes every 30 seconds.
"""

import hashlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import unquote

import msgspec
import structlog

from server.foundation.errors import NotFound, Unavailable
from server.foundation.ids import Id, is_id
from server.foundation.words import Worded
from server.media import storage
from server.media.addresses import public_address
from server.media.drawing.qr import draw_qr
from server.wechat.connection import platform
from server.wechat.errors import WeChatError

log = structlog.get_logger()

NARROWEST, WIDEST = 280, 1280
"""Pixels of a code's width, by WeChat's rule."""
SHEET_WIDTH = WIDEST
"""Of a code on a sheet: more than 300 dots an inch."""
BY_WECHAT, BY_MINIPROGRAM = "微信扫一扫", "打开小程序扫一扫"
"""How a printed code is scanned: a plain one only in the mini-program."""
OPEN_PATH = "/open/"
"""Where the plain QR code leads that stands in for a mini-program code; its scene follows."""


class CodeKind(Worded):
    """What a code is about."""

    SHIFT = "shift", "场次"
    VENUE = "venue", "场馆"
    COMMUNITY = "community", "社区报到"
    JOIN = "join", "加入社区"
    WISH = "wish", "微心愿"


class _Code(NamedTuple):
    letter: str
    page: str


CODES = {
    CodeKind.SHIFT: _Code("s", "pages/activity/detail"),
    CodeKind.VENUE: _Code("v", "pages/venue/detail"),
    CodeKind.COMMUNITY: _Code("c", "pages/check-in/apply"),
    CodeKind.JOIN: _Code("j", "pages/community/join"),
    CodeKind.WISH: _Code("w", "pages/wish/detail"),
}
"""Each kind's letter, which is printed on walls and never changes, and the page that its codes open."""


class CodeTarget(NamedTuple):
    """What a code stands for now: the thing's id (another, where it has a successor), its title, and the query with
    which the page shows it."""

    id: str
    title: str
    query: str


TARGETS: dict[CodeKind, Callable[[str], Awaitable[CodeTarget | None]]] = {}
"""Kind → what an id in a scene stands for; None where nobody may see it. Filled by wiring.py."""


class SceneView(msgspec.Struct):
    """What was scanned. `page` is the page with its query, to be opened as it is."""

    kind: CodeKind
    id: Id
    title: str
    page: str


class CodePicture(NamedTuple):
    """A code as PNG or JPEG. `is_plain`: a QR code of an address, since WeChat gave no code."""

    content: bytes
    content_type: str
    is_plain: bool


class DrawnSheet(NamedTuple):
    """A sheet to hang up with a code on it; whether that is a plain one."""

    content: bytes
    is_plain: bool


def scene_of(kind: CodeKind, subject_id: str) -> str:
    return f"{CODES[kind].letter}={subject_id}"


def read_scene(scanned: str) -> tuple[CodeKind, str]:
    """A scene, or the address that a plain code holds, as it came from the scanner → kind and id. Raises NotFound."""
    letter, _, subject_id = unquote(scanned).rpartition("/")[2].partition("=")
    for kind, code in CODES.items():
        if code.letter == letter and is_id(subject_id):
            return kind, subject_id
    raise NotFound()


async def resolve_scene(scanned: str) -> SceneView:
    """What a scanned scene stands for, and the page to open. Raises NotFound for what is not (or no longer) there."""
    kind, subject_id = read_scene(scanned)
    target = await TARGETS[kind](subject_id)
    if target is None:
        raise NotFound()
    return SceneView(kind, target.id, target.title, f"{CODES[kind].page}?{target.query}")


async def draw_mini_code(kind: CodeKind, subject_id: str, width: int = 430) -> CodePicture:
    """The code that opens the page about this thing, about `width` pixels wide.

    Made by WeChat once and then kept in the store. Where WeChat refuses or does not answer it is a plain QR code of an
    address that says the same, and is not kept. Whether the thing exists is for the caller to know.
    """
    scene, page = scene_of(kind, subject_id), CODES[kind].page
    wechat = platform()
    told = "\n".join((wechat.appid, wechat.env_version, page, scene, str(width)))
    key = f"codes/{hashlib.sha256(told.encode()).hexdigest()[:40]}"
    # A store that is away costs only the time to have the code made again.
    with suppress(FileNotFoundError, Unavailable):
        return _picture(await (await storage.get(key)).read())
    try:
        content = await wechat.make_code(scene, page, width)
    except WeChatError as error:
        log.warning("mini_code_not_made", kind=kind, error=str(error))
        return _picture(draw_qr(public_address(OPEN_PATH + scene), width=width), is_plain=True)
    with suppress(Unavailable):
        await storage.put(key, content)
    return _picture(content)


def _picture(content: bytes, *, is_plain: bool = False) -> CodePicture:
    # WeChat's page tells of JPEG; transparent codes are PNG.
    kind = "png" if content.startswith(b"\x89PNG") else "jpeg"
    return CodePicture(content, f"image/{kind}", is_plain)
