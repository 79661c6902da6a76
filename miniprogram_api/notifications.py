"""消息 notifications."""

from enum import StrEnum
from typing import Annotated

import msgspec

from miniprogram_api.routing import Routes
from server.accounts.sessions import Caller
from server.errors import InvalidFields, NotFound
from server.ids import Id
from server.notifications import grants, queries, service
from server.notifications.queries import InboxView, TemplatesToAskView
from server.pages import PageQuery
from server.wechat.connection import template_ids

routes = Routes("消息 notifications")


class SubscribeAnswer(StrEnum):
    """What wx.requestSubscribeMessage answered for one template."""

    ACCEPT = "accept"
    REJECT = "reject"
    BAN = "ban"
    FILTER = "filter"
    ACCEPT_WITH_ALERT = "acceptWithAlert"
    ACCEPT_WITH_AUDIO = "acceptWithAudio"
    ACCEPT_WITH_FORCE_PUSH = "acceptWithForcePush"


class ToAskQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    moment: Annotated[str, msgspec.Meta(max_length=32, description="at which tap, such as wish_submitted")]


class SubscribeAnswers(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Template id → answer, as wx.requestSubscribeMessage gives them."""

    answers: Annotated[dict[str, SubscribeAnswer], msgspec.Meta(min_length=1, max_length=5)]


class MessagesRead(msgspec.Struct):
    count: int


@routes.get("/me/inbox")
async def list_inbox(caller: Caller, query: PageQuery) -> InboxView:
    """站内信列表

    Newest first, kept for 180 days.
    """
    return await queries.list_inbox(caller.person_id, query.cursor, query.limit)


@routes.post("/me/inbox/read-all")
async def read_all_messages(caller: Caller) -> MessagesRead:
    """全部标为已读"""
    return MessagesRead(await service.read_all_messages(caller.person_id))


@routes.post("/me/inbox/<message_id>/read", errors=[NotFound])
async def read_message(caller: Caller, message_id: Id) -> None:
    """标为已读"""
    await service.read_message(caller.person_id, message_id)


@routes.get("/me/subscriptions/to-ask", errors=[InvalidFields])
async def list_templates_to_ask(caller: Caller, query: ToAskQuery) -> TemplatesToAskView:
    """此刻应请求订阅的消息模板

    At most three, for one wx.requestSubscribeMessage; none when nothing needs asking for.
    """
    return await queries.list_templates_to_ask(caller.person_id, query.moment)


@routes.post("/me/subscriptions", errors=[InvalidFields])
async def report_answers(caller: Caller, body: SubscribeAnswers) -> None:
    """上报订阅授权结果

    To be sent after each wx.requestSubscribeMessage. WeChat tells of the same accept too; it counts once.
    """
    answers: dict[str, str] = {}
    for template_id, answer in body.answers.items():
        template = template_ids().find(template_id)
        if template is None:
            raise InvalidFields.of(f"answers.{template_id}", "不认识的消息模板")
        answers[template.name] = answer
    await grants.report_answers(caller.person_id, answers)
