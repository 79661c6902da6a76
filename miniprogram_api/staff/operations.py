"""工作端：运行: what failed, and what runs by itself."""

import msgspec

from miniprogram_api.fields import OfOrganization, OrganizationPage
from miniprogram_api.routing import Routes, Who
from server.accounts.sessions import Caller
from server.foundation.errors import NotFound, WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page
from server.operations import failed_messages, health
from server.operations.failed_messages import FailedMessageView
from server.operations.health import JobsView

routes = Routes("工作端：运行", prefix="/staff")


class Retried(msgspec.Struct):
    count: int


@routes.get("/failed-messages", who=Who.STAFF, errors=[NotFound])
async def list_failed_messages(caller: Caller, query: OrganizationPage) -> Page[FailedMessageView]:
    """发送失败的消息

    最新的在前。最上级组织还包括收件人不属于任何社区的消息。
    """
    return await failed_messages.list_failed_messages(caller.person_id, query.organization_id, query)


@routes.post("/failed-messages/retry", who=Who.STAFF, errors=[NotFound])
async def retry_failed_messages(caller: Caller, body: OfOrganization) -> Retried:
    """全部重发

    一次最多 1000 条。结果不明的消息不再发送。
    """
    return Retried(await failed_messages.retry_failed_messages(caller.person_id, body.organization_id))


@routes.post("/failed-messages/<row_id>/retry", who=Who.STAFF, errors=[WrongState])
async def retry_failed_message(caller: Caller, row_id: Id) -> None:
    """重发一条失败的消息"""
    await failed_messages.retry_failed_message(caller.person_id, row_id)


@routes.get("/jobs", who=Who.STAFF)
async def list_jobs(caller: Caller) -> JobsView:
    """定时任务和发件箱的运行情况

    管理员可见：各项任务上次何时运行、用时多久、落后多少。
    """
    return await health.list_jobs(caller.person_id)
