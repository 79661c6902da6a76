"""内容审核 moderation."""

from typing import Annotated

import msgspec

from miniprogram_api.fields import OrganizationPage, Strict
from miniprogram_api.routing import Routes, Who
from server.accounts.sessions import Caller
from server.foundation.actions import ActionView
from server.foundation.errors import WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page
from server.moderation import actions, queue
from server.moderation.queue import HeldCheckDecision, HeldCheckView

routes = Routes("内容审核 moderation", prefix="/staff/moderation")


class CheckDecision(Strict):
    decision: HeldCheckDecision
    reason: Annotated[str, msgspec.Meta(max_length=200, description="what the author reads, when refused")] = ""


@routes.get("/held", who=Who.STAFF)
async def list_held_checks(caller: Caller, query: OrganizationPage) -> Page[HeldCheckView]:
    """待人工审核的内容

    微信内容安全检查无法判定的内容，最早的在前。
    """
    return await queue.list_held_checks(caller.person_id, query.organization_id, query)


@routes.get("/<check_id>/actions", who=Who.STAFF)
async def list_check_actions(caller: Caller, check_id: Id) -> list[ActionView]:
    """对这项待审内容能做什么

    通过、不通过；自己写的须由另一位工作人员审核。
    """
    return await actions.list_check_actions(caller.person_id, check_id)


@routes.post("/<check_id>/decide", who=Who.STAFF, errors=[WrongState])
async def decide_check(caller: Caller, check_id: Id, body: CheckDecision) -> None:
    """人工审核：通过或不通过"""
    await queue.decide_check(caller.person_id, check_id, body.decision, body.reason)
