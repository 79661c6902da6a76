"""Files that go out."""

from urllib.parse import quote

from sanic.response import HTTPResponse

from server.media.drawing.sheet import SheetFormat
from server.media.files import File
from server.media.mini_codes import DrawnSheet

SHEETS = ("application/pdf", "image/png")


def send_file(
    file: File, content_type: str, *, shown: str = "attachment", kept: str = "private, no-store"
) -> HTTPResponse:
    """The file under its name. `shown` is attachment or inline; `kept` says who may keep it (Cache-Control)."""
    return HTTPResponse(
        file.content,
        content_type=content_type,
        headers={"content-disposition": f"{shown}; filename*=UTF-8''{quote(file.name)}", "cache-control": kept},
    )


def send_sheet(sheet: DrawnSheet, name: str, kind: SheetFormat) -> HTTPResponse:
    """A sheet to hang up; `x-linli-code` tells whether WeChat's own scanner opens its code."""
    content_type = "application/pdf" if kind is SheetFormat.PDF else "image/png"
    answer = send_file(File(f"{name}.{kind}", sheet.content), content_type, shown="inline", kept="no-store")
    answer.headers["x-linli-code"] = "plain" if sheet.is_plain else "mini-program"
    return answer
