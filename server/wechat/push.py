"""Message push: who may speak for WeChat, and what it says, as plain values. Nothing is stored or asked here.

Sources: the platform's pages 消息推送 (signatures, encryption), 订阅消息事件推送 and 音视频内容安全识别 (the events).

The platform repeats a push up to three times within about 20 seconds. The timestamp may be ten minutes off: enough for
that and for clocks that disagree, little for anyone who has overheard a push. A repetition inside the window is caught
by the event's `key`, which is the same each time, so storing events under a unique key counts each once.
"""

import hashlib
import hmac
import struct
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import xmltodict  # type: ignore[import-untyped]
from wechatpy.crypto import PrpCrypto, WeChatCrypto
from wechatpy.exceptions import WeChatException
from wechatpy.utils import WeChatSigner

from server.foundation import clock
from server.foundation.settings import PLAIN_PUSHES, Settings
from server.wechat.verdicts import Suggest, read_result

WINDOW = timedelta(minutes=10)
BODY_LIMIT = 256 * 1024


class PushRefused(Exception):
    """Not from WeChat, too old, or not readable. Answer 403 and change nothing."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    key: str
    """The same for every repetition of one event, different for different events."""
    openid: str
    created_at: datetime


class SubscribeAnswer(_Event, frozen=True, kw_only=True):
    """The person answered the popup for one template. The client reports the same accept: count it once."""

    template_id: str
    accepted: bool
    status: str
    scene: str


class SubscribeChange(_Event, frozen=True, kw_only=True):
    """The person changed a template in WeChat's settings; the platform only tells of refusals."""

    template_id: str
    accepted: bool
    status: str


class SubscribeSent(_Event, frozen=True, kw_only=True):
    """What became of a message: error_code 0 is delivered."""

    template_id: str
    msgid: str
    error_code: int
    error_status: str


class PictureVerdict(_Event, frozen=True, kw_only=True):
    """What media_check_async found. A picture that could not be checked has suggest review and its errcode."""

    trace_id: str
    suggest: Suggest
    label: int
    errcode: int


class OtherEvent(_Event, frozen=True, kw_only=True):
    """Anything else, as it came."""

    kind: str
    content: dict[str, Any]


PushEvent = SubscribeAnswer | SubscribeChange | SubscribeSent | PictureVerdict | OtherEvent
"""Tagged: `msgspec.json.encode(event)` and `msgspec.json.decode(row, type=PushEvent)` give it back."""


class PushDecoder:
    """Checks and reads what arrives at the push address, in the mode that the settings say."""

    def __init__(self, settings: Settings) -> None:
        """Raises ValueError for an empty token (anyone could sign with it) or a key that is not one."""
        if not settings.wechat_push_token:
            raise ValueError("an empty push token lets anyone speak for WeChat")
        self._token = settings.wechat_push_token
        self._appid = settings.wechat_appid
        self._key: bytes | None = None
        if settings.wechat_push_aes_key != PLAIN_PUSHES:
            if len(settings.wechat_push_aes_key) != 43:
                raise ValueError("the push key has 43 characters")
            self._key = WeChatCrypto(self._token, settings.wechat_push_aes_key, self._appid).key

    def check_url(self, query: Mapping[str, str]) -> str:
        """The answer to the platform's check of the address: its echostr, to be sent back as it is."""
        self._check_time(query)
        self._check_signature(query, "signature")
        return query.get("echostr", "")

    def decode(self, query: Mapping[str, str], body: bytes) -> list[PushEvent]:
        """The events in one push. Raises PushRefused, and nothing else, for anything that is not a push to us."""
        if len(body) > BODY_LIMIT:
            raise PushRefused("too_large")
        self._check_time(query)
        if self._key is None:
            self._check_signature(query, "signature")
            return read_events(_parse(body))
        outer = _parse(body)
        sealed = outer.get("Encrypt")
        if not isinstance(sealed, str) or not sealed:
            raise PushRefused("not_encrypted")
        self._check_signature(query, "msg_signature", sealed)
        return read_events(_parse(self._open(sealed, self._key)))

    def _open(self, sealed: str, key: bytes) -> bytes:
        try:
            opened = PrpCrypto(key).decrypt(sealed, self._appid)
        except (ValueError, LookupError, struct.error, WeChatException):
            # Anyone who signs this has our token, so it is a wrong key or appid in the settings, if it ever happens.
            opened = None
        if not opened:
            raise PushRefused("does_not_open")
        return str(opened).encode()

    def _check_time(self, query: Mapping[str, str]) -> None:
        timestamp = query.get("timestamp", "")
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
            raise PushRefused("timestamp")
        if abs(clock.now().timestamp() - int(timestamp)) > WINDOW.total_seconds():
            raise PushRefused("timestamp")

    def _check_signature(self, query: Mapping[str, str], name: str, *signed: str) -> None:
        expected = _sign(self._token, query.get("timestamp", ""), query.get("nonce", ""), *signed)
        if not hmac.compare_digest(expected.encode(), query.get(name, "").encode(errors="replace")):
            raise PushRefused("signature")


def read_events(message: dict[str, Any]) -> list[PushEvent]:
    """The events in one message. `List` is an object, an array, or (in XML) either under the event's own name."""
    kind = _text(message, "Event") or _text(message, "MsgType")
    if kind in _LISTS:
        nested_under, read = _LISTS[kind]
        return [read(message, item) for item in _items(message, nested_under)]
    if kind == "wxa_media_check" and _text(message, "trace_id"):
        return [_read_picture_verdict(message)]
    key = _key("other", msgspec.json.encode(message, order="sorted").decode(errors="replace"))
    return [OtherEvent(key=key, kind=kind, content=message, **_origin(message))]


def _read_answer(message: dict[str, Any], item: dict[str, Any]) -> SubscribeAnswer:
    return SubscribeAnswer(**_choice("popup", message, item), scene=_text(item, "PopupScene"))


def _read_change(message: dict[str, Any], item: dict[str, Any]) -> SubscribeChange:
    return SubscribeChange(**_choice("change", message, item))


def _choice(kind: str, message: dict[str, Any], item: dict[str, Any]) -> dict[str, Any]:
    """What an answer to the popup and a change in the settings have in common."""
    template_id, status = _text(item, "TemplateId"), _text(item, "SubscribeStatusString")
    return {
        "key": _key_of(kind, message, template_id, status),
        "template_id": template_id,
        "accepted": status == "accept",
        "status": status,
        **_origin(message),
    }


def _read_sent(message: dict[str, Any], item: dict[str, Any]) -> SubscribeSent:
    msgid, template_id = _text(item, "MsgID"), _text(item, "TemplateId")
    return SubscribeSent(
        key=_key("sent", msgid) if msgid else _key_of("sent", message, template_id),
        template_id=template_id,
        msgid=msgid,
        error_code=_number(_text(item, "ErrorCode"), -1),
        error_status=_text(item, "ErrorStatus"),
        **_origin(message),
    )


_LISTS: dict[str, tuple[str, Callable[[dict[str, Any], dict[str, Any]], PushEvent]]] = {
    "subscribe_msg_popup_event": ("SubscribeMsgPopupEvent", _read_answer),
    "subscribe_msg_change_event": ("SubscribeMsgChangeEvent", _read_change),
    "subscribe_msg_sent_event": ("SubscribeMsgSentEvent", _read_sent),
}
"""Events that come several at once: what their list may be nested under, and how each is read."""


def _read_picture_verdict(message: dict[str, Any]) -> PictureVerdict:
    trace_id, errcode = _text(message, "trace_id"), _number(_text(message, "errcode") or "0", -1)
    suggest, label = read_result(message.get("result"))
    return PictureVerdict(
        key=_key("picture", trace_id),
        trace_id=trace_id,
        suggest=suggest if errcode == 0 else Suggest.REVIEW,
        label=label,
        errcode=errcode,
        **_origin(message),
    )


def _parse(content: bytes) -> dict[str, Any]:
    """JSON or XML (without its root), told apart by the first character. No NUL: PostgreSQL cannot store one."""
    found: Any = None
    if b"\0" in content or b"\\u0000" in content:
        raise PushRefused("not_readable")
    try:
        if content.lstrip()[:1] == b"<":
            found = xmltodict.parse(content)
            found = next(iter(found.values())) if found else None
        else:
            found = msgspec.json.decode(content)
    except Exception:
        found = None  # expat, xmltodict and msgspec each raise several kinds, and a stranger may have written this.
    if not isinstance(found, dict):
        raise PushRefused("not_readable")
    return found


def _items(message: dict[str, Any], nested_under: str) -> list[dict[str, Any]]:
    nested = message.get(nested_under)
    found = nested.get("List") if isinstance(nested, dict) else message.get("List")
    items = found if isinstance(found, list) else [found]
    return [item for item in items if isinstance(item, dict)]


def _text(message: dict[str, Any], name: str) -> str:
    """A member as text: the platform gives numbers now as numbers and now as strings."""
    value = message.get(name)
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _number(text: str, otherwise: int) -> int:
    try:
        return int(text)
    except ValueError:
        return otherwise


def _origin(message: dict[str, Any]) -> dict[str, Any]:
    """Of whom the message tells, and when."""
    try:
        created_at = datetime.fromtimestamp(int(_text(message, "CreateTime")), UTC)
    except (ValueError, OverflowError, OSError):
        created_at = clock.now()
    return {"openid": _text(message, "FromUserName"), "created_at": created_at}


def _key_of(kind: str, message: dict[str, Any], *parts: str) -> str:
    """The key of an event that has no id of its own."""
    return _key(kind, _text(message, "FromUserName"), _text(message, "CreateTime"), *parts)


def _key(*parts: str) -> str:
    """One text for the parts, which hides the openid among them."""
    return f"{parts[0]}:{hashlib.sha256(chr(0).join(parts).encode(errors='replace')).hexdigest()[:40]}"


def _sign(*parts: str) -> str:
    signer = WeChatSigner()
    signer.add_data(*(part.encode(errors="replace") for part in parts))
    return str(signer.signature)
