"""Message push: the platform's published vectors, both modes, both notations, every shape of event."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from server.foundation import clock
from server.foundation.settings import PLAIN_PUSHES, Settings
from server.wechat import Suggest
from server.wechat.push import (
    OtherEvent,
    PictureVerdict,
    PushDecoder,
    PushEvent,
    PushRefused,
    SubscribeAnswer,
    SubscribeChange,
    SubscribeSent,
    read_events,
)
from server.wechat.simulator.pushes import build_push, sign

VECTORS: dict[str, Any] = msgspec.json.decode((Path(__file__).parent / "vectors.json").read_bytes())
PUBLISHED = Settings(
    wechat_appid=VECTORS["appid"],
    wechat_push_token=VECTORS["token"],
    wechat_push_aes_key=VECTORS["encoding_aes_key"],
)
OURS = Settings()
PLAIN = Settings(wechat_push_aes_key=PLAIN_PUSHES)


def be_at(timestamp: str) -> None:
    clock.move_clock(datetime.fromtimestamp(int(timestamp), UTC) - datetime.now(UTC))


def signed_query(vector: dict[str, Any]) -> dict[str, str]:
    return {key: value for key, value in vector.items() if isinstance(value, str)}


def popup(*items: dict[str, str]) -> dict[str, Any]:
    return {
        "ToUserName": "gh_1",
        "FromUserName": "oPerson",
        "CreateTime": "1620973045",
        "MsgType": "event",
        "Event": "subscribe_msg_popup_event",
        "List": items[0] if len(items) == 1 else list(items),
    }


ACCEPTED = {"TemplateId": "t1", "SubscribeStatusString": "accept", "PopupScene": "0"}
REJECTED = {"TemplateId": "t2", "SubscribeStatusString": "reject", "PopupScene": "0"}


def test_published_url_check() -> None:
    vector = VECTORS["url_check"]
    be_at(vector["timestamp"])
    assert PushDecoder(PUBLISHED).check_url({**signed_query(vector), "echostr": "4375120948345356249"}) == (
        "4375120948345356249"
    )


def test_published_plain_push() -> None:
    vector = VECTORS["plain_post"]
    be_at(vector["timestamp"])
    decoder = PushDecoder(msgspec.structs.replace(PUBLISHED, wechat_push_aes_key=PLAIN_PUSHES))
    (event,) = decoder.decode(signed_query(vector), b'{"MsgType": "event", "Event": "debug_demo"}')
    assert isinstance(event, OtherEvent)
    assert event.kind == "debug_demo"


def test_published_encrypted_push() -> None:
    vector = VECTORS["secure_post"]
    be_at(vector["timestamp"])
    (event,) = PushDecoder(PUBLISHED).decode(signed_query(vector), msgspec.json.encode(vector["body"]))
    assert isinstance(event, OtherEvent)
    assert event.content["ToUserName"] == vector["body"]["ToUserName"]
    assert event.created_at == datetime.fromtimestamp(int(vector["timestamp"]), UTC)


@pytest.mark.parametrize("name", ["url_check", "plain_post", "secure_post"])
def test_published_signatures_are_ours(name: str) -> None:
    vector = VECTORS[name]
    assert sign(VECTORS["token"], vector["timestamp"], vector["nonce"]) == vector["signature"]
    if "msg_signature" in vector:
        parts = VECTORS["token"], vector["timestamp"], vector["nonce"], vector["body"]["Encrypt"]
        assert sign(*parts) == vector["msg_signature"]


@pytest.mark.parametrize("encrypted", [True, False], ids=["encrypted", "plain"])
def test_each_mode_takes_its_own_pushes_only(encrypted: bool) -> None:
    content = msgspec.json.encode(popup(ACCEPTED)).decode()
    ours, others = (OURS, PLAIN) if encrypted else (PLAIN, OURS)
    query, body = build_push(OURS, "oPerson", content, encrypted)
    (event,) = PushDecoder(ours).decode(query, body.encode())
    assert isinstance(event, SubscribeAnswer)
    if encrypted:
        # Its plain signature is right too; what is sealed stays unread.
        (event,) = PushDecoder(others).decode(query, body.encode())
        assert isinstance(event, OtherEvent)
    else:
        with pytest.raises(PushRefused, match="not_encrypted"):
            PushDecoder(others).decode(query, body.encode())


def test_a_changed_or_missing_signature_is_refused() -> None:
    query, body = build_push(OURS, "o", msgspec.json.encode(popup(ACCEPTED)).decode())
    plain_only = {key: value for key, value in query.items() if key != "msg_signature"}
    for wrong in (
        {**query, "msg_signature": query["msg_signature"][::-1]},
        {**query, "msg_signature": query["msg_signature"].upper()},
        {**query, "msg_signature": query["signature"]},
        {**query, "msg_signature": "签名"},
        {**query, "nonce": query["nonce"] + "0"},
        plain_only,
        {},
    ):
        with pytest.raises(PushRefused):
            PushDecoder(OURS).decode(wrong, body.encode())


def test_a_push_with_another_key_or_appid_is_refused() -> None:
    for other in (
        msgspec.structs.replace(OURS, wechat_push_aes_key="B" * 43),
        msgspec.structs.replace(OURS, wechat_appid="wxother"),
        msgspec.structs.replace(OURS, wechat_push_token="other"),
    ):
        query, body = build_push(other, "o", "{}")
        with pytest.raises(PushRefused):
            PushDecoder(OURS).decode(query, body.encode())


@pytest.mark.parametrize("minutes", [-11, 11])
def test_old_and_future_pushes_are_refused(minutes: int) -> None:
    query, body = build_push(OURS, "o", msgspec.json.encode(popup(ACCEPTED)).decode())
    clock.move_clock(timedelta(minutes=minutes))
    with pytest.raises(PushRefused, match="timestamp"):
        PushDecoder(OURS).decode(query, body.encode())
    with pytest.raises(PushRefused, match="timestamp"):
        PushDecoder(OURS).check_url(query)


@pytest.mark.parametrize("timestamp", ["", "-1", "1e9", "９", "9" * 40, "nan"])
def test_strange_timestamps_are_refused(timestamp: str) -> None:
    query = {"timestamp": timestamp, "nonce": "1", "signature": sign(OURS.wechat_push_token, timestamp, "1")}
    with pytest.raises(PushRefused):
        PushDecoder(OURS).check_url(query)


def test_an_empty_token_or_a_short_key_is_no_setting() -> None:
    with pytest.raises(ValueError, match="anyone"):
        PushDecoder(Settings(wechat_push_token=""))
    for key in ("short", ""):
        with pytest.raises(ValueError, match="43"):
            PushDecoder(Settings(wechat_push_aes_key=key))


def test_too_large_a_body_is_refused_unread() -> None:
    query, _ = build_push(OURS, "o", "{}")
    with pytest.raises(PushRefused, match="too_large"):
        PushDecoder(OURS).decode(query, b"{" * (256 * 1024 + 1))


def test_list_of_one_and_of_several_in_json() -> None:
    (one,) = read_events(popup(ACCEPTED))
    assert isinstance(one, SubscribeAnswer)
    assert (one.openid, one.template_id, one.accepted, one.scene) == ("oPerson", "t1", True, "0")
    assert one.created_at == datetime.fromtimestamp(1620973045, UTC)
    several = read_events(popup(ACCEPTED, REJECTED))
    assert [event.accepted for event in several if isinstance(event, SubscribeAnswer)] == [True, False]
    assert several[0].key == one.key
    assert several[1].key != one.key


@pytest.mark.parametrize("count", [1, 2])
def test_list_of_one_and_of_several_in_xml(count: int) -> None:
    items = "".join(
        f"<List><TemplateId><![CDATA[t{number}]]></TemplateId><SubscribeStatusString><![CDATA[accept]]>"
        "</SubscribeStatusString><PopupScene>2</PopupScene></List>"
        for number in range(count)
    )
    content = (
        "<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[oPerson]]></FromUserName>"
        "<CreateTime>1610969440</CreateTime><MsgType><![CDATA[event]]></MsgType>"
        "<Event><![CDATA[subscribe_msg_popup_event]]></Event>"
        f"<SubscribeMsgPopupEvent>{items}</SubscribeMsgPopupEvent></xml>"
    )
    query, body = build_push(OURS, "oPerson", content)
    assert body.startswith("<xml>")
    events = PushDecoder(OURS).decode(query, body.encode())
    assert [event.template_id for event in events if isinstance(event, SubscribeAnswer)] == ["t0", "t1"][:count]


def test_change_and_sent_events() -> None:
    base = {"FromUserName": "oPerson", "CreateTime": 1625575518, "MsgType": "event"}
    item = {"SubscribeStatusString": "reject", "TemplateId": "t1"}
    (change,) = read_events({**base, "Event": "subscribe_msg_change_event", "List": item})
    assert isinstance(change, SubscribeChange)
    assert not change.accepted
    sent_item = {"TemplateId": "t1", "MsgID": 1864323726461255680, "ErrorCode": "0", "ErrorStatus": "success"}
    (sent,) = read_events({**base, "Event": "subscribe_msg_sent_event", "List": sent_item})
    assert isinstance(sent, SubscribeSent)
    assert (sent.msgid, sent.error_code, sent.error_status) == ("1864323726461255680", 0, "success")
    in_text = {**sent_item, "MsgID": "1864323726461255680"}
    (again,) = read_events({**base, "Event": "subscribe_msg_sent_event", "List": [in_text]})
    assert again.key == sent.key


def media_check(**changes: Any) -> PictureVerdict:
    message = {
        "FromUserName": "oPerson",
        "CreateTime": 1626959646,
        "MsgType": "event",
        "Event": "wxa_media_check",
        "trace_id": "60f96f1d-3845297a-1976a3ae",
        "version": 2,
        "errcode": 0,
        "result": {"suggest": "pass", "label": 100},
        **changes,
    }
    (event,) = read_events({key: value for key, value in message.items() if value is not None})
    assert isinstance(event, PictureVerdict)
    return event


def test_picture_verdicts_fail_closed() -> None:
    assert media_check().suggest is Suggest.PASS
    assert media_check(errcode=None).suggest is Suggest.PASS
    assert media_check(result={"suggest": "risky", "label": "20002"}).label == 20002
    for doubtful in (
        media_check(errcode=-1008),
        media_check(errcode="nonsense"),
        media_check(result={"suggest": "delightful", "label": 100}),
        media_check(result=None),
        media_check(result="pass"),
        media_check(result=None, isrisky=0),
    ):
        assert doubtful.suggest is Suggest.REVIEW
    assert media_check(errcode=-1008).errcode == -1008
    assert media_check().key == media_check(errcode=None).key


def test_keys_tell_events_apart_and_repetitions_together() -> None:
    first = popup(ACCEPTED)
    assert read_events(first)[0].key == read_events(dict(first))[0].key
    others = [
        {**first, "CreateTime": "1620973046"},
        {**first, "FromUserName": "oOther"},
        popup(REJECTED),
        {**first, "Event": "subscribe_msg_change_event"},
        {**first, "Event": "something_else"},
    ]
    keys = {read_events(message)[0].key for message in [first, *others]}
    assert len(keys) == 6
    assert not any("oPerson" in key for key in keys)


def test_events_come_back_from_json() -> None:
    events = [*read_events(popup(ACCEPTED, REJECTED)), media_check(), *read_events({"MsgType": "text", "n": 1})]
    assert msgspec.json.decode(msgspec.json.encode(events), type=list[PushEvent]) == events
