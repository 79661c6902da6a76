"""工作端：预警提醒: what the figures warn of, and what is done about it."""

from typing import Annotated

import msgspec

from miniprogram_api.fields import OrganizationPage, Reason, Strict, WithReason
from miniprogram_api.routing import Routes, Who
from server.accounts.sessions import Caller
from server.figures.warnings import handling, rule_book
from server.figures.warnings.handling import WarningView
from server.figures.warnings.models import WarningState
from server.figures.warnings.rule_book import ChangeRule, WarningRuleView
from server.foundation.errors import EditedMeanwhile, WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page

routes = Routes("工作端：统计指标", prefix="/staff")

RuleCode = Annotated[str, msgspec.Meta(max_length=32)]


class WarningsPage(OrganizationPage, kw_only=True):
    state: WarningState | None = None
    """By default those that are not over."""


@routes.get("/warnings", who=Who.STAFF)
async def list_warnings(caller: Caller, query: WarningsPage) -> Page[WarningView]:
    """辖区内的预警，不填状态为未结束的"""
    return await handling.list_warnings(caller.person_id, query.organization_id, query.state, query)


@routes.get("/warnings/rules", who=Who.STAFF)
async def list_warning_rules() -> list[WarningRuleView]:
    """预警规则"""
    return await rule_book.list_warning_rules()


@routes.put("/warnings/rules/<code>", who=Who.STAFF, errors=[EditedMeanwhile])
async def change_warning_rule(caller: Caller, code: RuleCode, body: ChangeRule) -> WarningRuleView:
    """修改预警规则（市管理员），生成新版本"""
    return await rule_book.change_warning_rule(caller.person_id, code, body)


@routes.get("/warnings/<warning_id>", who=Who.STAFF)
async def show_warning(caller: Caller, warning_id: Id) -> WarningView:
    """一条预警"""
    return await handling.show_warning(caller.person_id, warning_id)


@routes.post("/warnings/<warning_id>/acknowledge", who=Who.STAFF, errors=[WrongState])
async def acknowledge_warning(caller: Caller, warning_id: Id) -> WarningView:
    """知悉预警"""
    return await handling.acknowledge_warning(caller.person_id, warning_id)


class WhatIsDone(Strict):
    doing: Reason
    """What is done about it."""


@routes.post("/warnings/<warning_id>/act", who=Who.STAFF, errors=[WrongState])
async def act_on_warning(caller: Caller, warning_id: Id, body: WhatIsDone) -> WarningView:
    """着手处理预警，写明怎么处理"""
    return await handling.act_on_warning(caller.person_id, warning_id, body.doing)


@routes.post("/warnings/<warning_id>/dismiss", who=Who.STAFF, errors=[WrongState])
async def dismiss_warning(caller: Caller, warning_id: Id, body: WithReason) -> WarningView:
    """撤销预警，写明原因；情况解除前不再提醒"""
    return await handling.dismiss_warning(caller.person_id, warning_id, body.reason)
