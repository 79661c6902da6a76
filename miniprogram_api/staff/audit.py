"""工作端：审计."""

from typing import Annotated

import msgspec
from sanic.response import HTTPResponse

from miniprogram_api.downloads import send_file
from miniprogram_api.fields import Strict
from miniprogram_api.routing import Routes, Who
from server.accounts.sessions import Caller
from server.foundation.bounds import Moment, RequiredText
from server.foundation.errors import NotFound
from server.foundation.ids import Id
from server.foundation.pages import Cursor, Limit, Page, PageQuery
from server.foundation.rates import Group
from server.media.spreadsheets import XLSX
from server.operations import audit_log
from server.operations.audit_log import AuditFilter, AuditView
from server.operations.audit_words import ACTION_WORDS

routes = Routes("工作端：审计", prefix="/staff")


class AuditWanted(Strict, kw_only=True):
    """Entries of the subtree of `organization_id`; `until` itself is not included."""

    organization_id: Id
    actor_id: Id | None = None
    person_id: Id | None = None
    subject_id: Id | None = None
    action: Annotated[RequiredText, msgspec.Meta(max_length=64)] | None = None
    since: Moment | None = None
    until: Moment | None = None


class AuditQuery(AuditWanted, kw_only=True):
    """A page of these."""

    cursor: Cursor | None = None
    limit: Limit = 20


class AuditAction(msgspec.Struct):
    """An action that the log knows, and what it is called."""

    action: str
    name: str


@routes.get("/audit", who=Who.STAFF, errors=[NotFound])
async def list_audit_entries(caller: Caller, query: AuditQuery) -> Page[AuditView]:
    """查看辖区内的操作记录"""
    page = PageQuery(cursor=query.cursor, limit=query.limit)
    return await audit_log.list_audit_entries(caller.person_id, query.organization_id, _filter(query), page)


@routes.get("/audit/actions", who=Who.STAFF)
async def list_audit_actions() -> list[AuditAction]:
    """操作名称一览

    用于按操作筛选记录。
    """
    return [AuditAction(action, name) for action, name in ACTION_WORDS.items()]


@routes.get("/audit/export", who=Who.STAFF, errors=[NotFound], raw=(XLSX,), group=Group.DRAWING)
async def export_audit_entries(caller: Caller, query: AuditWanted) -> HTTPResponse:
    """导出操作记录（xlsx）

    筛选条件与查看时相同，最多 10000 条；每次导出都会留痕。
    """
    file = await audit_log.export_audit_entries(caller.person_id, query.organization_id, _filter(query))
    return send_file(file, XLSX)


def _filter(query: AuditWanted) -> AuditFilter:
    return AuditFilter(
        actor_id=query.actor_id,
        person_id=query.person_id,
        subject_id=query.subject_id,
        action=query.action,
        since=query.since,
        until=query.until,
    )
