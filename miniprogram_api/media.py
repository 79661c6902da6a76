"""图片 media: uploading pictures, and the signed addresses under which they are shown."""

from typing import Any

from sanic import Request
from sanic.headers import parse_content_header
from sanic.request import File, parse_multipart_form
from sanic.response import ResponseStream

from miniprogram_api.routing import Routes, Who
from server.accounts.sessions import Caller
from server.errors import BadRequest, NotFound, TooLarge, TooManyRequests, Unavailable, UnsupportedType
from server.media import service
from server.media.pictures import MAX_BYTES, PictureUnreadable, TooManyPixels
from server.media.service import TOO_LARGE, PictureView

routes = Routes("图片 media")

_FORM_BYTES = 64 * 1024
"""What a form may hold besides the picture."""
_FORM_PARTS = 20

_IGNORED_BYTES = 50 * 1024 * 1024
"""How much of an upload is received, though too large is refused. A phone that is answered while it is sending often
loses the answer, and shows a broken connection instead of the reason."""


@routes.post(
    "/pictures",
    status=201,
    raw=("multipart/form-data", "image/*"),
    errors=[
        TooLarge,
        UnsupportedType,
        PictureUnreadable,
        TooManyPixels,
        TooManyRequests,
        Unavailable,
    ],
)
async def upload_picture(caller: Caller, request: Request) -> PictureView:
    """上传图片

    用 wx.uploadFile 上传（字段名 file），或直接以图片内容为请求体（Content-Type: image/*）。
    支持 JPEG、PNG、WebP 和 GIF（取第一帧），不超过 10 MB。拍摄地点等信息会被去除。上传后一天内未使用的图片会被删除。
    """
    return await service.upload_picture(caller.person_id, await _read_picture(request))


@routes.get("/media/<name>", who=Who.ANYONE, raw=("image/jpeg", "image/png"), errors=[NotFound, Unavailable])
async def show_picture(name: str) -> ResponseStream:
    """查看图片

    地址由其他接口给出，带签名，短时间内有效，无需登录。
    """
    picture = await service.open_picture(name)

    async def send(response: Any) -> None:
        async for chunk in picture.chunks:
            await response.write(chunk)

    return ResponseStream(
        send,
        content_type=picture.content_type,
        headers={
            "content-length": str(picture.size),
            "cache-control": f"private, max-age={picture.seconds}",
            "content-security-policy": "default-src 'none'; sandbox",
        },
    )


async def _read_picture(request: Request) -> bytes:
    """The picture in a request: a form's only file, named `file`, or the whole body."""
    content_type, parameters = parse_content_header(request.headers.get("content-type", ""))
    if content_type.startswith("image/"):
        return await _read_body(request, MAX_BYTES)
    if content_type != "multipart/form-data":
        raise UnsupportedType("请以 multipart/form-data 或图片内容上传")
    body = await _read_body(request, MAX_BYTES + _FORM_BYTES)
    boundary = str(parameters.get("boundary", "")).encode()
    # Counted first: a boundary of one letter would cut ten megabytes into millions of parts.
    if not boundary or body.count(boundary) > _FORM_PARTS:
        raise BadRequest("上传的表单格式有误")
    try:
        _, files = parse_multipart_form(body, boundary)
    except (ValueError, LookupError, TypeError):
        raise BadRequest("上传的表单格式有误") from None
    found: list[File] = files.getlist("file", [])
    if len(files) != 1 or len(found) != 1:
        raise BadRequest("请在字段 file 中上传一张图片")
    return bytes(found[0].body)


async def _read_body(request: Request, limit: int) -> bytes:
    """A streamed request's body, which Sanic does not bound. Raises TooLarge; never holds more than `limit` bytes."""
    if int(request.headers.get("content-length", 0)) > _IGNORED_BYTES:
        raise TooLarge(TOO_LARGE)
    received, body = 0, bytearray()
    async for chunk in request.stream:  # type: ignore[union-attr]
        received += len(chunk)
        if received > _IGNORED_BYTES:
            break
        if received <= limit:
            body += chunk
    if received > limit:
        raise TooLarge(TOO_LARGE)
    return bytes(body)
