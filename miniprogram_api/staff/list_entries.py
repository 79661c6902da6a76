"""工作端：三张清单: staff for a place, a liaison for the unit."""

from sanic.response import HTTPResponse

from miniprogram_api.downloads import send_file
from miniprogram_api.fields import OfOrganization, OrganizationPage, Period, Strict, WithReason
from miniprogram_api.routing import Routes, Who
from server.accounts.sessions import Caller
from server.co_building.lists import actions, entries, queries
from server.co_building.lists.contact import EntryContact
from server.co_building.lists.entries import AlreadyRenewed, EntryContent
from server.co_building.lists.models import EntryState, ListKind
from server.co_building.lists.queries import EntryCard, EntryView
from server.co_building.pairings import UnitNotPaired
from server.foundation.actions import ActionView
from server.foundation.bounds import Version
from server.foundation.errors import EditedMeanwhile, NotFound, WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page
from server.foundation.rates import Group
from server.media.spreadsheets import XLSX

routes = Routes("工作端：共建清单", prefix="/staff")


class EntriesOfArea(OrganizationPage, kw_only=True):
    kind: ListKind | None = None
    state: EntryState | None = None
    period: Period | None = None


class EntriesWanted(OfOrganization, kw_only=True):
    kind: ListKind | None = None
    state: EntryState | None = None
    period: Period | None = None


class DraftListEntry(EntryContent, kw_only=True, frozen=True):
    owner_id: Id


class ChangeListEntry(EntryContent, kw_only=True, frozen=True):
    version: Version


class OfOwner(Strict):
    owner_id: Id


class ListsAsked(Strict):
    asked: int
    """How many communities and units."""


@routes.get("/list-entries", who=Who.STAFF)
async def list_entries_of_area(caller: Caller, query: EntriesOfArea) -> Page[EntryCard]:
    """辖区内和结对单位的三张清单，最新的在前（单位联络员查看本单位的）"""
    return await queries.list_entries(
        caller.person_id, query.organization_id, query, kind=query.kind, state=query.state, period=query.period
    )


@routes.get("/list-entries/export", who=Who.STAFF, raw=(XLSX,), group=Group.DRAWING)
async def export_lists(caller: Caller, query: EntriesWanted) -> HTTPResponse:
    """导出三张清单（不含联系方式，留痕）"""
    file = await queries.export_entries(
        caller.person_id, query.organization_id, kind=query.kind, state=query.state, period=query.period
    )
    return send_file(file, XLSX)


@routes.post("/list-entries", who=Who.STAFF, status=201, errors=[NotFound, WrongState])
async def draft_list_entry(caller: Caller, body: DraftListEntry) -> EntryView:
    """为街道、社区或单位起草一条（联系方式加密保存）"""
    return await entries.draft_entry(caller.person_id, body.owner_id, body)


@routes.post("/list-entries/renewals", who=Who.STAFF, status=201, errors=[AlreadyRenewed, UnitNotPaired, WrongState])
async def renew_list_entries(caller: Caller, body: OfOwner) -> list[EntryCard]:
    """一键续报上一个半年的条目，直接提交审核"""
    return await entries.renew_entries(caller.person_id, body.owner_id)


@routes.post("/list-invitations", who=Who.STAFF, status=201)
async def invite_lists(caller: Caller, body: OfOrganization) -> ListsAsked:
    """向辖区内的社区和结对单位征集本半年的清单"""
    return ListsAsked(await entries.invite_lists(caller.person_id, body.organization_id))


@routes.get("/list-entries/<entry_id>/actions", who=Who.STAFF)
async def list_entry_actions(caller: Caller, entry_id: Id) -> list[ActionView]:
    """对这一条现在能做什么"""
    return await actions.list_entry_actions(caller.person_id, entry_id)


@routes.get("/list-entries/<entry_id>/contact", who=Who.STAFF)
async def view_list_contact(caller: Caller, entry_id: Id) -> EntryContact:
    """查看联系方式（留痕）"""
    return await entries.view_entry_contact(caller.person_id, entry_id)


@routes.put("/list-entries/<entry_id>", who=Who.STAFF, errors=[EditedMeanwhile, WrongState])
async def change_list_entry(caller: Caller, entry_id: Id, body: ChangeListEntry) -> EntryView:
    """修改草稿"""
    return await entries.change_entry(caller.person_id, entry_id, body.version, body)


@routes.post("/list-entries/<entry_id>/submit", who=Who.STAFF, errors=[UnitNotPaired, WrongState])
async def submit_list_entry(caller: Caller, entry_id: Id) -> EntryView:
    """提交审核

    单位的条目由其报到的社区（街道）审核。
    """
    return await entries.submit_entry(caller.person_id, entry_id)


@routes.post("/list-entries/<entry_id>/approve", who=Who.STAFF, errors=[WrongState])
async def approve_list_entry(caller: Caller, entry_id: Id) -> EntryView:
    """审核通过，公开（须由另一人审核）"""
    return await entries.approve_entry(caller.person_id, entry_id)


@routes.post("/list-entries/<entry_id>/return", who=Who.STAFF, errors=[WrongState])
async def return_list_entry(caller: Caller, entry_id: Id, body: WithReason) -> EntryView:
    """退回修改"""
    return await entries.return_entry(caller.person_id, entry_id, body.reason)


@routes.post("/list-entries/<entry_id>/close", who=Who.STAFF, errors=[WrongState])
async def close_list_entry(caller: Caller, entry_id: Id, body: WithReason) -> EntryView:
    """发布方结束这一条"""
    return await entries.close_entry(caller.person_id, entry_id, body.reason)
