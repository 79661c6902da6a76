"""Whatever is pushed: a refusal or events, never another exception, and nothing without a valid signature."""

from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.foundation import clock
from server.foundation.settings import PLAIN_PUSHES, Settings
from server.wechat.push import PushDecoder, PushRefused
from server.wechat.simulator.pushes import build_push, sign

OURS = Settings()
PLAIN = Settings(wechat_push_aes_key=PLAIN_PUSHES)
DECODERS = PushDecoder(OURS), PushDecoder(PLAIN)

NAMES = """
Event MsgType FromUserName CreateTime List TemplateId SubscribeStatusString MsgID ErrorCode trace_id result suggest
label errcode Encrypt SubscribeMsgPopupEvent SubscribeMsgSentEvent
"""
names = st.sampled_from(NAMES.split()) | st.text(max_size=8)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=5),
    max_leaves=12,
)
kinds = st.sampled_from(
    ["subscribe_msg_popup_event", "subscribe_msg_change_event", "subscribe_msg_sent_event", "wxa_media_check", "text"]
)
messages = st.dictionaries(names, json_values, max_size=6) | st.builds(
    lambda kind, rest: {**rest, "Event": kind}, kinds, st.dictionaries(names, json_values, max_size=6)
)
contents = messages.map(lambda message: msgspec.json.encode(message).decode()) | st.text(max_size=60)
xml = st.text("<>/xmlListEvent![CDATA]&;% \"'", max_size=60).map(lambda text: f"<xml>{text}</xml>")
often = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def now() -> str:
    return str(int(clock.now().timestamp()))


def decode(decoder: PushDecoder, query: dict[str, str], body: bytes) -> list[Any] | None:
    """The events, or None when it was refused; any other exception fails the test."""
    try:
        return list(decoder.decode(query, body))
    except PushRefused:
        return None


@often
@given(
    query=st.dictionaries(
        st.sampled_from(["signature", "msg_signature", "timestamp", "nonce", "encrypt_type", "openid"]), st.text()
    ),
    fresh=st.booleans(),
    body=st.binary(max_size=200) | contents.map(str.encode) | xml.map(str.encode),
)
def test_nothing_is_taken_from_strangers(query: dict[str, str], fresh: bool, body: bytes) -> None:
    if fresh:
        query = {**query, "timestamp": now()}
    for decoder in DECODERS:
        assert decode(decoder, query, body) is None


@often
@given(content=contents | xml)
def test_whatever_is_signed_is_read_or_refused(content: str) -> None:
    query, body = build_push(OURS, "o", content)
    decode(DECODERS[0], query, body.encode())
    query, body = build_push(OURS, "o", content, encrypted=False)
    decode(DECODERS[1], query, body.encode(errors="replace"))


@often
@given(sealed=json_values | st.binary(max_size=80).map(lambda raw: raw.hex()))
def test_whatever_is_signed_as_encrypted_is_read_or_refused(sealed: Any) -> None:
    query = {"timestamp": now(), "nonce": "1"}
    query["msg_signature"] = sign(OURS.wechat_push_token, query["timestamp"], "1", str(sealed))
    assert decode(DECODERS[0], query, msgspec.json.encode({"Encrypt": sealed})) is None


@often
@given(message=messages, position=st.integers(min_value=0), change=st.integers(1, 255))
def test_a_changed_byte_is_refused_or_changes_nothing(message: dict[str, Any], position: int, change: int) -> None:
    query, body = build_push(OURS, "o", msgspec.json.encode(message).decode())
    whole = body.encode()
    changed = bytearray(whole)
    changed[position % len(whole)] ^= change
    found = decode(DECODERS[0], query, bytes(changed))
    unchanged = decode(DECODERS[0], query, whole) or []
    assert found is None or [event.key for event in found] == [event.key for event in unchanged]


def test_bombs_are_refused() -> None:
    deep = "[" * 50_000
    laughs = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><xml><Event>&b;</Event></xml>'
    outside = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><xml><Event>&a;</Event></xml>'
    for content in (deep, laughs, outside, "<xml>" * 5000):
        for encrypted, decoder in ((True, DECODERS[0]), (False, DECODERS[1])):
            query, body = build_push(OURS, "o", content, encrypted)
            assert decode(decoder, query, body.encode()) is None
