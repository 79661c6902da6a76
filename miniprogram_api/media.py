"""图片 media: uploading pictures, and the signed addresses under which they are shown."""

from typing import Any

from sanic import Request
from sanic.response import ResponseStream

from miniprogram_api.routing import Routes, Who
from miniprogram_api.uploads import read_file
from server.accounts.sessions import Caller
from server.foundation.rates import Group
from server.media.uploads import uploading
from server.media.uploads.pictures import MAX_BYTES, PictureUnreadable, TooManyPixels
from server.media.uploads.queries import PictureView
from server.media.uploads.uploading import TOO_LARGE

routes = Routes("图片 media")


@routes.post(
    "/pictures",
    status=201,
    raw=("multipart/form-data", "image/*"),
    errors=[PictureUnreadable, TooManyPixels],
)
async def upload_picture(caller: Caller, request: Request) -> PictureView:
    """上传图片

    用 wx.uploadFile 上传（字段名 file），或直接以图片内容为请求体（Content-Type: image/*）。
    支持 JPEG、PNG、WebP、GIF（取第一帧）和 iPhone 的 HEIC，不超过 10 MB。
    拍摄地点等信息会被去除。上传后一天内未使用的图片会被删除。
    """
    return await uploading.upload_picture(caller.person_id, await read_file(request, ("image/",), MAX_BYTES, TOO_LARGE))


@routes.get("/media/<name>", who=Who.ANYONE, raw=("image/jpeg", "image/png"), group=Group.PICTURES)
async def show_picture(name: str) -> ResponseStream:
    """查看图片

    地址由其他接口给出，带签名，短时间内有效，无需登录。
    """
    picture = await uploading.open_picture(name)

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
