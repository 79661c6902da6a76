"""Files that go out."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from sanic import Blueprint, Request, Sanic
from sanic.response import HTTPResponse

from server.foundation.errors import NotFound
from server.media.drawing.sheet import SheetFormat
from server.media.files import File
from server.media.mini_codes import DrawnSheet

FOREVER = "public, max-age=31536000, immutable"
_IN_NO_NAME = dict.fromkeys(map(ord, '\\/:*?"<>|'))
SHEETS = ("application/pdf", "image/png")


def send_file(
    file: File, content_type: str, *, shown: str = "attachment", kept: str = "private, no-store"
) -> HTTPResponse:
    """The file under its name, without what Windows lets stand in none. `shown` is attachment or inline; `kept` says
    who may keep it (Cache-Control)."""
    name = quote(file.name.translate(_IN_NO_NAME), safe="")
    return HTTPResponse(
        file.content,
        content_type=content_type,
        headers={"content-disposition": f"{shown}; filename*=UTF-8''{name}", "cache-control": kept},
    )


def send_sheet(sheet: DrawnSheet, name: str, kind: SheetFormat) -> HTTPResponse:
    """A sheet to hang up; `x-linli-code` tells whether WeChat's own scanner opens its code."""
    content_type = "application/pdf" if kind is SheetFormat.PDF else "image/png"
    answer = send_file(File(f"{name}.{kind}", sheet.content), content_type, shown="inline", kept="no-store")
    answer.headers["x-linli-code"] = "plain" if sheet.is_plain else "mini-program"
    return answer


def add_assets(
    where: "Blueprint | Sanic[Any, Any]", path: str, assets: Mapping[str, tuple[str, bytes]], operation: str
) -> None:
    """Files of pages by name, with their types. `path` has their version in it, so they are kept for ever."""

    @where.get(f"{path}/<name>", name=f"{operation}_asset")
    async def asset(request: Request, name: str) -> HTTPResponse:
        request.ctx.operation = operation
        if name not in assets:
            raise NotFound()
        kind, content = assets[name]
        return HTTPResponse(content, content_type=kind, headers={"cache-control": FOREVER})
