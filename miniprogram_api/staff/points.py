"""工作端：积分与服务记录. The rules of points, what is recorded by hand, and people's records."""

from miniprogram_api.fields import OrganizationPage, WithReason
from miniprogram_api.routing import Routes, Who
from server.accounts.sessions import Caller
from server.foundation.bounds import Version
from server.foundation.errors import EditedMeanwhile, NotFound, WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page
from server.service_record import by_hand, queries, rule_book
from server.service_record.by_hand import ServiceNote
from server.service_record.queries import ServiceEntryView
from server.service_record.recording import AlreadyReversed
from server.service_record.rule_book import RuleContent, RuleVersionView

routes = Routes("工作端：积分与服务记录", prefix="/staff")


@routes.get("/points/rules/<code>", who=Who.STAFF)
async def list_rule_versions(code: str) -> list[RuleVersionView]:
    """一条积分规则的历次版本"""
    return await rule_book.list_rule_versions(code)


class ChangeServiceRule(RuleContent, kw_only=True):
    version: Version


@routes.put("/points/rules/<code>", who=Who.STAFF, errors=[EditedMeanwhile])
async def change_service_rule(caller: Caller, code: str, body: ChangeServiceRule) -> list[RuleVersionView]:
    """修改积分规则

    生成新版本，此前的记录不变。限市级管理员。
    """
    return await rule_book.change_service_rule(caller.person_id, code, body.version, body)


@routes.post("/service-entries", who=Who.STAFF, status=201, errors=[NotFound])
async def note_service(caller: Caller, body: ServiceNote) -> ServiceEntryView:
    """补录一次服务"""
    return await by_hand.note_service(caller.person_id, body)


@routes.post("/service-entries/<entry_id>/reverse", who=Who.STAFF, errors=[WrongState, AlreadyReversed])
async def reverse_service_entry(caller: Caller, entry_id: Id, body: WithReason) -> ServiceEntryView:
    """冲正补录的服务或岗位积分"""
    return await by_hand.reverse_service_entry(caller.person_id, entry_id, body.reason)


@routes.get("/persons/<person_id>/service-record", who=Who.STAFF)
async def view_service_record(caller: Caller, person_id: Id, query: OrganizationPage) -> Page[ServiceEntryView]:
    """查看某人在本辖区的服务记录（留痕）"""
    return await queries.view_service_record(caller.person_id, query.organization_id, person_id, query)
