"""Pushes to the server: built, encrypted, delivered, and tried again as the platform does.

Source: the platform's pages 消息推送 and 订阅消息事件推送. In JSON, `List` is an object for one item and an array for
several; in XML it lies under the event's own name.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Coroutine
from typing import Any
from xml.sax.saxutils import escape

import httpx
import msgspec
from wechatpy.crypto import PrpCrypto, WeChatCrypto
from wechatpy.utils import WeChatSigner

from server.foundation import clock
from server.foundation.settings import PLAIN_PUSHES, Settings
from server.wechat.simulator.state import State

ACCOUNT = "gh_linli0simulat"
TRIES = 4
"""The first try and three more."""
_SENDERS = 8
_XML_NAMES = {
    "subscribe_msg_popup_event": "SubscribeMsgPopupEvent",
    "subscribe_msg_change_event": "SubscribeMsgChangeEvent",
    "subscribe_msg_sent_event": "SubscribeMsgSentEvent",
}


class PushSender:
    """Delivers pushes in the background, a few at a time."""

    pool: httpx.AsyncClient

    def __init__(self, settings: Settings, state: State) -> None:
        self._settings = settings
        self._state = state
        self._tasks: set[asyncio.Task[None]] = set()

    def open(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """Get ready, in the running loop."""
        self._slots = asyncio.Semaphore(_SENDERS)
        self.pool = httpx.AsyncClient(timeout=5, trust_env=False, transport=transport)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` in the background until it ends or the simulator stops."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self) -> None:
        """Wait until nothing is under way: for tests."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def aclose(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.pool.aclose()

    def answered(self, openid: str, answers: dict[str, str]) -> None:
        """The person has answered the popup: template id → accept or reject."""
        items = [
            {"TemplateId": template_id, "SubscribeStatusString": answer, "PopupScene": "0"}
            for template_id, answer in answers.items()
        ]
        self._push(openid, {"Event": "subscribe_msg_popup_event", "List": items})

    def refused(self, openid: str, template_ids: list[str]) -> None:
        """The person has turned templates off in WeChat's settings."""
        items = [{"TemplateId": template_id, "SubscribeStatusString": "reject"} for template_id in template_ids]
        self._push(openid, {"Event": "subscribe_msg_change_event", "List": items})

    def message_sent(self, openid: str, template_id: str, msgid: str) -> None:
        item = {"TemplateId": template_id, "MsgID": msgid, "ErrorCode": "0", "ErrorStatus": "success"}
        self._push(openid, {"Event": "subscribe_msg_sent_event", "List": [item]})

    def picture_checked(self, openid: str, trace_id: str, verdict: tuple[str, int] | None, errcode: int = 0) -> None:
        event: dict[str, Any] = {
            "Event": "wxa_media_check",
            "appid": self._settings.wechat_appid,
            "trace_id": trace_id,
            "version": 2,
        }
        if verdict is None:
            event |= {"errcode": errcode, "errmsg": "media download failed", "result": {"suggest": "", "label": ""}}
        else:
            # On success there may be no errcode, and the label may be a string.
            suggest, label = verdict
            detail = {"strategy": "content_model", "errcode": 0, "suggest": suggest, "label": label, "prob": 90}
            event |= {"detail": [detail], "result": {"suggest": suggest, "label": str(label)}}
        self._push(openid, event)

    def _push(self, openid: str, event: dict[str, Any]) -> None:
        rules = self._state.pushes
        if not rules.enabled:
            return
        self._state.counters[f"pushes {event['Event']}"] += 1
        message = {
            "ToUserName": ACCOUNT,
            "FromUserName": openid,
            "CreateTime": int(clock.now().timestamp()),
            "MsgType": "event",
            **event,
        }
        content = _to_xml(message) if rules.format == "xml" else _to_json(message)
        for _ in range(1 + rules.duplicates):
            self.start(self._deliver(openid, content))

    async def _deliver(self, openid: str, content: str) -> None:
        rules = self._state.pushes
        await asyncio.sleep(rules.delay_seconds)
        for attempt in range(TRIES):
            if attempt:
                self._state.counters["push retries"] += 1
                await asyncio.sleep(rules.retry_pause_seconds)
            encrypted = rules.encrypted and self._settings.wechat_push_aes_key != PLAIN_PUSHES
            query, body = build_push(self._settings, openid, content, encrypted)
            url = rules.url or self._settings.public_base + "/wechat/push"
            with contextlib.suppress(httpx.HTTPError, httpx.InvalidURL):
                async with self._slots:
                    kind = "text/xml" if body.startswith("<") else "application/json"
                    answer = await self.pool.post(
                        url, params=query, content=body.encode(), headers={"content-type": kind}
                    )
                if answer.status_code == 200 and answer.text.strip() in ("success", ""):
                    self._state.counters["pushes delivered"] += 1
                    return
        self._state.counters["pushes given up"] += 1


def build_push(settings: Settings, openid: str, content: str, encrypted: bool = True) -> tuple[dict[str, str], str]:
    """Query and body of one push of `content` (JSON or XML), signed at this moment."""
    token, timestamp, nonce = (
        settings.wechat_push_token,
        str(int(clock.now().timestamp())),
        str(secrets.randbelow(10**9)),
    )
    query = {"signature": sign(token, timestamp, nonce), "timestamp": timestamp, "nonce": nonce, "openid": openid}
    if not encrypted:
        return query, content
    key = WeChatCrypto(token, settings.wechat_push_aes_key, settings.wechat_appid).key
    sealed = PrpCrypto(key).encrypt(content, settings.wechat_appid).decode()
    query |= {"encrypt_type": "aes", "msg_signature": sign(token, timestamp, nonce, sealed)}
    if content.startswith("<"):
        outer = f"<xml><ToUserName><![CDATA[{ACCOUNT}]]></ToUserName><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>"
        return query, outer
    return query, msgspec.json.encode({"ToUserName": ACCOUNT, "Encrypt": sealed}).decode()


def sign(*parts: str) -> str:
    signer = WeChatSigner()
    signer.add_data(*parts)
    signature: str = signer.signature
    return signature


def _to_json(message: dict[str, Any]) -> str:
    items = message.get("List")
    if items is not None and len(items) == 1:
        message = {**message, "List": items[0]}
    return msgspec.json.encode(message).decode()


def _to_xml(message: dict[str, Any]) -> str:
    message = dict(message)
    items = message.pop("List", None)
    inner = "".join(_element(key, value) for key, value in message.items())
    if items is not None:
        name = _XML_NAMES[message["Event"]]
        inner += f"<{name}>{''.join(_element('List', item) for item in items)}</{name}>"
    return f"<xml>{inner}</xml>"


def _element(name: str, value: Any) -> str:
    if isinstance(value, dict):
        return f"<{name}>{''.join(_element(key, part) for key, part in value.items())}</{name}>"
    if isinstance(value, list):
        return "".join(_element(name, part) for part in value)
    return f"<{name}>{escape(str(value))}</{name}>"
