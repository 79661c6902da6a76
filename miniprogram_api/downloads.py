"""Files that go out."""

from urllib.parse import quote

from sanic.response import HTTPResponse

from server.media.files import File


def send_file(
    file: File, content_type: str, *, shown: str = "attachment", kept: str = "private, no-store"
) -> HTTPResponse:
    """The file under its name. `shown` is attachment or inline; `kept` says who may keep it (Cache-Control)."""
    return HTTPResponse(
        file.content,
        content_type=content_type,
        headers={"content-disposition": f"{shown}; filename*=UTF-8''{quote(file.name)}", "cache-control": kept},
    )
