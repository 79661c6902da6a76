"""工作端：审计."""

from typing import Annotated

import msgspec

from miniprogram_api.routing import Routes, Who
from server.accounts.sessions import Caller
from server.foundation.bounds import Moment, RequiredText
from server.foundation.errors import NotFound
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery
from server.operations import audit_log
from server.operations.audit_log import AuditFilter, AuditView

routes = Routes("工作端：审计", prefix="/staff")


class AuditQuery(PageQuery):
    """Entries of the subtree of `organization_id`; `until` itself is not included."""

    organization_id: Id
    actor_id: Id | None = None
    person_id: Id | None = None
    subject_id: Id | None = None
    action: Annotated[RequiredText, msgspec.Meta(max_length=64)] | None = None
    since: Moment | None = None
    until: Moment | None = None


@routes.get("/audit", who=Who.STAFF, errors=[NotFound])
async def list_audit_entries(caller: Caller, query: AuditQuery) -> Page[AuditView]:
    """查看辖区内的操作记录"""
    wanted = AuditFilter(
        actor_id=query.actor_id,
        person_id=query.person_id,
        subject_id=query.subject_id,
        action=query.action,
        since=query.since,
        until=query.until,
    )
    return await audit_log.list_audit_entries(caller.person_id, query.organization_id, wanted, query)
