"""Files that come in: as a form's only file (what wx.uploadFile sends), or as the whole body."""

from sanic import Request
from sanic.headers import parse_content_header
from sanic.request import File, RequestParameters, parse_multipart_form

from server.foundation.errors import BadRequest, TooLarge, UnsupportedType

_FORM_BYTES = 64 * 1024
"""What a form may hold besides the file."""
_FORM_PARTS = 20

_IGNORED_BYTES = 50 * 1024 * 1024
"""How much of an upload is received, though too large is refused. A phone that is answered while it is sending often
loses the answer, and shows a broken connection instead of the reason."""


async def read_file(request: Request, kinds: tuple[str, ...], limit: int, too_large: str) -> bytes:
    """The file in a raw route's request: named `file` in a form, or a body of one of the media types `kinds`.

    `kinds` may end with a slash (`image/`): all below. Raises UnsupportedType, BadRequest, TooLarge (with `too_large`);
    never holds more than `limit` bytes and a form's frame.
    """
    return (await read_form(request, kinds, limit, too_large))[0]


async def read_form(
    request: Request, kinds: tuple[str, ...], limit: int, too_large: str
) -> tuple[bytes, RequestParameters]:
    """The same with what else the form has. What was read once of a request is there for whoever reads it again."""
    if not hasattr(request.ctx, "upload"):
        request.ctx.upload = await _read_form(request, kinds, limit, too_large)
    read: tuple[bytes, RequestParameters] = request.ctx.upload
    return read


async def _read_form(
    request: Request, kinds: tuple[str, ...], limit: int, too_large: str
) -> tuple[bytes, RequestParameters]:
    content_type, parameters = parse_content_header(request.headers.get("content-type", ""))
    if any(content_type == kind or (kind.endswith("/") and content_type.startswith(kind)) for kind in kinds):
        return await _read_body(request, limit, too_large), RequestParameters()
    if content_type != "multipart/form-data":
        raise UnsupportedType("请以 multipart/form-data 或文件内容上传")
    body = await _read_body(request, limit + _FORM_BYTES, too_large)
    boundary = str(parameters.get("boundary", "")).encode()
    # Counted first: a boundary of one letter would cut ten megabytes into millions of parts.
    if not boundary or body.count(boundary) > _FORM_PARTS:
        raise BadRequest("上传的表单格式有误")
    try:
        fields, files = parse_multipart_form(body, boundary)
    except (ValueError, LookupError, TypeError):
        raise BadRequest("上传的表单格式有误") from None
    found: list[File] = files.getlist("file", [])
    if len(files) != 1 or len(found) != 1:
        raise BadRequest("请在字段 file 中上传一个文件")
    return bytes(found[0].body), fields


async def _read_body(request: Request, limit: int, too_large: str) -> bytes:
    """A streamed request's body, which Sanic does not bound."""
    if int(request.headers.get("content-length", 0)) > _IGNORED_BYTES:
        raise TooLarge(too_large)
    received, body = 0, bytearray()
    async for chunk in request.stream:  # type: ignore[union-attr]
        received += len(chunk)
        if received > _IGNORED_BYTES:
            break
        if received <= limit:
            body += chunk
    if received > limit:
        raise TooLarge(too_large)
    return bytes(body)
