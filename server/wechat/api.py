"""What Linli asks of WeChat, as one class. Each method names the platform's page whose rules it follows.

A method raises a WeChatError (see errors.py) when the platform refuses or cannot be asked, and ValueError when the
caller breaks a rule that is checked here before anything is sent.
"""

import contextlib
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Any

import httpx
import msgspec
from redis import asyncio as aioredis
from wechatpy.crypto import WeChatWxaCrypto
from wechatpy.exceptions import WeChatException

from server.foundation import clock
from server.foundation.settings import Settings
from server.wechat.client import Pool, WeChatClient
from server.wechat.errors import EncryptedDataInvalid, NotAllowed, OutcomeUnknown, SessionKeyStale, TokenStale
from server.wechat.message_fields import check_page, clean_fields
from server.wechat.tokens import Tokens
from server.wechat.verdicts import Verdict, read_result

LANGUAGES = ("zh_CN", "en_US", "zh_HK", "zh_TW")
SCENE_PATTERN = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@\-._~]{1,32}")
TEXT_LIMIT = 2500
ENV_VERSIONS = {"formal": "release", "trial": "trial", "developer": "develop"}
"""The `miniprogram_state` of messages → what codes call the same version."""


class ContentScene(IntEnum):
    """Where the content appears (msg_sec_check, scene)."""

    PROFILE = 1
    COMMENT = 2
    FORUM = 3
    SOCIAL = 4


class Session(msgspec.Struct, frozen=True):
    """Whom a login code stands for. The session_key never leaves the server."""

    openid: str
    session_key: str
    unionid: str | None = None

    def __repr__(self) -> str:
        return "Session(…)"


class PhoneNumber(msgspec.Struct, frozen=True):
    number: str
    """As people dial it: with the country code unless it is +86."""
    pure_number: str
    country_code: str

    def __repr__(self) -> str:
        return "PhoneNumber(…)"


class WeChat:
    """The platform, for one mini-program and one process. Close it with `aclose`."""

    def __init__(
        self,
        settings: Settings,
        redis: "aioredis.Redis | None" = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.appid = settings.wechat_appid
        self._secret = settings.wechat_secret
        self._miniprogram_state = settings.wechat_miniprogram_state
        self.env_version = ENV_VERSIONS[settings.wechat_miniprogram_state]
        self._pool = Pool(settings.wechat_base, transport)
        self.tokens = Tokens(self.appid, self._fetch_token, redis)
        self.client = WeChatClient(self.appid, self._secret, self._pool, self.tokens)

    async def aclose(self) -> None:
        await self._pool.aclose()

    async def code_to_session(self, code: str) -> Session:
        """Who a `wx.login` code stands for (小程序登录). A code works once: never call this twice with the same."""
        answer = await self.client.get(
            "/sns/jscode2session",
            params={
                "appid": self.appid,
                "secret": self._secret,
                "js_code": code,
                "grant_type": "authorization_code",
            },
            with_token=False,
        )
        return _convert(answer, Session, "/sns/jscode2session")

    async def check_session(self, openid: str, session_key: str) -> bool:
        """Whether the session_key is still this person's (检验登录态, checkSessionKey)."""
        signature = hmac.new(session_key.encode(), b"", hashlib.sha256).hexdigest()
        params = {"openid": openid, "signature": signature, "sig_method": "hmac_sha256"}
        try:
            await self.client.get("/wxa/checksession", params=params)
        except SessionKeyStale:
            return False
        return True

    async def get_phone_number(self, code: str) -> PhoneNumber:
        """The number that a `getPhoneNumber` button's code stands for (手机号快速验证组件). A code works once."""
        path = "/wxa/business/getuserphonenumber"
        answer = await self.client.post(path, data={"code": code})
        return read_phone_number(answer.get("phone_info"), self.appid)

    def decrypt_data(
        self, session_key: str, encrypted_data: str, iv: str, max_age: timedelta = timedelta(minutes=10)
    ) -> dict[str, Any]:
        """The older form: encryptedData with its iv (开放数据校验与解密). Raises EncryptedDataInvalid.

        The watermark must carry our appid and a time not older than `max_age`: an old or foreign one is of no use.
        """
        opened: Any = None
        # A stale session_key gives noise: bad padding, bad UTF-8, bad JSON or a strange value.
        with contextlib.suppress(ValueError, LookupError, TypeError, AttributeError, WeChatException):
            opened = WeChatWxaCrypto(session_key, iv, self.appid).decrypt_message(encrypted_data)
        if not isinstance(opened, dict):
            raise EncryptedDataInvalid(
                "encryptedData does not open with this session_key, or is not this mini-program's"
            )
        made_at = _as_time(opened["watermark"].get("timestamp"))
        if made_at is None or abs(clock.now() - made_at) > max_age:
            raise EncryptedDataInvalid("encryptedData is too old, or from the future")
        return opened

    async def send_subscribe_message(
        self,
        openid: str,
        template_id: str,
        page: str,
        data: Mapping[str, object],
        miniprogram_state: str = "",
        lang: str = "zh_CN",
    ) -> str:
        """Send one message and return its msgid (发送订阅消息). Fields are cleaned first, by type; raises FieldInvalid.

        `page` may be empty, `miniprogram_state` is that of the settings unless given. OutcomeUnknown means that the
        person may have got it: it must not be sent again.
        """
        miniprogram_state = miniprogram_state or self._miniprogram_state
        if miniprogram_state not in ENV_VERSIONS:
            raise ValueError(f"miniprogram_state is one of {', '.join(ENV_VERSIONS)}")
        if lang not in LANGUAGES:
            raise ValueError(f"lang is one of {', '.join(LANGUAGES)}")
        message = {
            "touser": openid,
            "template_id": template_id,
            "data": {key: {"value": value} for key, value in clean_fields(data).items()},
            "miniprogram_state": miniprogram_state,
            "lang": lang,
        }
        if page:
            message["page"] = check_page(page)
        answer = await self.client.post("/cgi-bin/message/subscribe/send", data=message)
        return str(answer.get("msgid", ""))

    async def check_text(
        self,
        openid: str,
        scene: ContentScene,
        content: str,
        title: str = "",
        nickname: str = "",
        signature: str = "",
    ) -> Verdict:
        """What the platform thinks of a text (文本内容安全识别, version 2). Only pass means that people may see it."""
        if not 0 < len(content) <= TEXT_LIMIT:
            raise ValueError(f"a text to check has 1 to {TEXT_LIMIT} characters")
        data = {"version": 2, "openid": openid, "scene": int(scene), "content": content}
        data |= {"title": title} if title else {}
        data |= {"nickname": nickname} if nickname else {}
        data |= {"signature": signature} if signature and scene is ContentScene.PROFILE else {}
        answer = await self.client.post("/wxa/msg_sec_check", data=data)
        suggest, label = read_result(answer.get("result"))
        return Verdict(suggest, label, str(answer.get("trace_id", "")))

    async def check_picture_async(self, openid: str, scene: ContentScene, media_url: str) -> str:
        """Have a picture checked (音视频内容安全识别, version 2): the trace_id under which the verdict is pushed."""
        data = {"media_url": media_url, "media_type": 2, "version": 2, "scene": int(scene), "openid": openid}
        answer = await self.client.post("/wxa/media_check_async", data=data)
        trace_id = answer.get("trace_id")
        if not trace_id:
            raise OutcomeUnknown("/wxa/media_check_async: an answer without trace_id")
        return str(trace_id)

    async def make_code(self, scene: str, page: str, width: int = 430, env_version: str = "") -> bytes:
        """A mini-program code that opens `page` with `scene` (获取不限制的小程序码): the bytes of a JPEG or PNG.

        It opens the version of the mini-program that this deployment's messages open, unless told otherwise.
        """
        env_version = env_version or self.env_version
        if not SCENE_PATTERN.fullmatch(scene):
            raise ValueError("a scene has 1 to 32 characters of 0-9 A-Z a-z !#$&'()*+,/:;=?@-._~")
        if not 280 <= width <= 1280:
            raise ValueError("the width is 280 to 1280 pixels")
        if env_version not in ENV_VERSIONS.values():
            raise ValueError("env_version is release, trial or develop")
        page = check_page(page)
        if "?" in page:
            raise ValueError("the page of a code has no query: put it into the scene")
        data = {
            "scene": scene,
            "page": page,
            "width": width,
            "env_version": env_version,
            # Only a released mini-program has its pages on the platform to be checked against.
            "check_path": env_version == "release",
        }
        picture: bytes = await self.client.post("/wxa/getwxacodeunlimit", data=data, expects_picture=True)
        if not isinstance(picture, bytes):
            raise OutcomeUnknown("/wxa/getwxacodeunlimit: an answer without a picture")
        return picture

    async def _fetch_token(self, force: bool) -> tuple[str, int]:
        """A token from 获取稳定版接口调用凭据 (getStableAccessToken)."""
        path = "/cgi-bin/stable_token"
        data = {
            "grant_type": "client_credential",
            "appid": self.appid,
            "secret": self._secret,
            "force_refresh": force,
        }
        try:
            answer = await self._pool.call("POST", path, data=data)
        except TokenStale as error:
            # Here 40001 speaks of the secret.
            raise NotAllowed(error.errmsg, error.errcode, error.rid) from None
        token, seconds = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(token, str) or not token or not isinstance(seconds, int):
            raise OutcomeUnknown(f"{path}: an answer without a token")
        return token, seconds


def read_phone_number(phone_info: object, appid: str) -> PhoneNumber:
    """The number in an answer's or a decrypted datum's phone_info, whose watermark must be ours."""
    if not isinstance(phone_info, dict) or not phone_info.get("purePhoneNumber"):
        raise OutcomeUnknown("an answer without a phone number")
    if phone_info.get("watermark", {}).get("appid") != appid:
        raise EncryptedDataInvalid("the phone number's watermark is another mini-program's")
    return PhoneNumber(
        number=str(phone_info.get("phoneNumber") or phone_info["purePhoneNumber"]),
        pure_number=str(phone_info["purePhoneNumber"]),
        country_code=str(phone_info.get("countryCode", "")),
    )


def _convert(answer: object, kind: type[Session], path: str) -> Session:
    try:
        return msgspec.convert(answer, kind)
    except msgspec.ValidationError:
        pass
    raise OutcomeUnknown(f"{path}: not the answer that was expected")


def _as_time(seconds: object) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(seconds), UTC)  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError, OSError):
        return None
