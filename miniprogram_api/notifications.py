"""消息 notifications."""

from contextlib import aclosing
from typing import Annotated, Any

import msgspec
from sanic import Request
from sanic.response import ResponseStream

from miniprogram_api.fields import Strict
from miniprogram_api.routing import Routes
from server.accounts.sessions import Caller, find_caller
from server.foundation.bounds import Version
from server.foundation.errors import EditedMeanwhile
from server.foundation.ids import Id
from server.foundation.pages import PageQuery
from server.notifications import grants, live, preferences, queries, telling
from server.notifications.events import AskMoment, Topic
from server.notifications.models import SubscribeAnswer
from server.notifications.preferences import PreferencesView
from server.notifications.queries import AcceptsView, InboxState, InboxView, TemplatesToAskView

routes = Routes("消息 notifications")

RECONNECT_MILLISECONDS = 5000


class InboxQuery(PageQuery):
    unread: Annotated[bool, msgspec.Meta(description="only those that are unread")] = False


class ToAskQuery(Strict):
    moment: AskMoment


class SubscribeAnswers(Strict):
    """Template id → answer, as wx.requestSubscribeMessage gives them."""

    answers: Annotated[
        dict[Annotated[str, msgspec.Meta(max_length=64)], SubscribeAnswer], msgspec.Meta(min_length=1, max_length=5)
    ]


class MessagesRead(msgspec.Struct):
    count: int


Minute = Annotated[int, msgspec.Meta(ge=0, le=24 * 60 - 1, description="minutes of the day in Shanghai")]


class Preferences(Strict):
    """`muted`: the topics that are not to be sent to WeChat. No quiet hours: both null."""

    version: Version
    muted: Annotated[list[Topic], msgspec.Meta(max_length=32)] = []
    quiet_from: Minute | None = None
    quiet_until: Minute | None = None


@routes.get("/me/inbox")
async def list_inbox(caller: Caller, query: InboxQuery) -> InboxView:
    """站内信列表

    最新的在前，保留 180 天。未读数始终是全部消息的未读数。
    """
    return await queries.list_inbox(caller.person_id, query, unread_only=query.unread)


@routes.get("/me/inbox/live", raw=("text/event-stream",))
async def follow_inbox(caller: Caller, request: Request) -> ResponseStream:
    """站内信实时更新

    服务器推送事件（wx.request 开启 enableChunked）：连接时和每次变化后发送 `event: inbox`，
    内容为 `{"unread": 3, "newest": {…} | null}`，有新消息时 `newest` 与列表中的消息相同；平时发送注释行表示连接仍在。
    会话结束或服务器停止时断开：请重新连接，或不时查看列表。
    """
    states = live.follow(caller.person_id)
    first = await anext(states)
    token = request.headers["authorization"].partition(" ")[2].strip()

    async def send(response: Any) -> None:
        async with aclosing(states):
            await response.write(f"retry: {RECONNECT_MILLISECONDS}\n\n{_event(first)}")
            async for state in states:
                # Signed out meanwhile, here or everywhere.
                if await find_caller(token, afresh=True) is None:
                    return
                await response.write(_event(state))

    return ResponseStream(send, content_type="text/event-stream; charset=utf-8", headers={"x-accel-buffering": "no"})


@routes.post("/me/inbox/read-all")
async def read_all_messages(caller: Caller) -> MessagesRead:
    """全部标为已读"""
    return MessagesRead(await telling.read_all_messages(caller.person_id))


@routes.post("/me/inbox/<message_id>/read")
async def read_message(caller: Caller, message_id: Id) -> None:
    """标为已读"""
    await telling.read_message(caller.person_id, message_id)


@routes.get("/me/subscriptions/to-ask")
async def list_templates_to_ask(caller: Caller, query: ToAskQuery) -> TemplatesToAskView:
    """此刻应请求订阅的消息模板

    最多三个，用于一次 wx.requestSubscribeMessage；不需要请求时为空。
    """
    return await queries.list_templates_to_ask(caller.person_id, query.moment)


@routes.get("/me/subscriptions")
async def list_accepts(caller: Caller) -> AcceptsView:
    """我还授权了多少条微信消息

    每种模板一项；授权一次，可收到一条。
    """
    return await queries.list_accepts(caller.person_id)


@routes.post("/me/subscriptions")
async def report_answers(caller: Caller, body: SubscribeAnswers) -> AcceptsView:
    """上报订阅授权结果

    每次 wx.requestSubscribeMessage 之后上报。微信也会推送同一次授权，只计一次。
    """
    return await grants.report_answers(caller.person_id, body.answers)


@routes.get("/me/notification-preferences")
async def get_preferences(caller: Caller) -> PreferencesView:
    """我的消息设置"""
    return await preferences.get_preferences(caller.person_id)


@routes.put("/me/notification-preferences", errors=[EditedMeanwhile])
async def set_preferences(caller: Caller, body: Preferences) -> PreferencesView:
    """修改消息设置

    关闭某类消息或处于免打扰时段，只是不推送到微信；站内信照常保留，紧急消息照常推送。
    """
    return await preferences.set_preferences(
        caller.person_id, body.version, body.muted, body.quiet_from, body.quiet_until
    )


def _event(state: InboxState | None) -> str:
    return f"event: inbox\ndata: {msgspec.json.encode(state).decode()}\n\n" if state else ":\n\n"
