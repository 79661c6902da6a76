"""Staff: the members of their communities, rosters, contact persons, and moving memberships."""

from urllib.parse import quote

from sanic import Request
from sanic.response import HTTPResponse

from miniprogram_api.downloads import send_file
from miniprogram_api.fields import OfOrganization, Strict, WithReason
from miniprogram_api.routing import Routes, Who
from miniprogram_api.uploads import read_file
from server.accounts.sessions import Caller
from server.check_in import contacts, exports, member_actions, member_queries, registering, roster, transfers
from server.check_in.member_queries import MemberCard, MemberCount, MemberDetail
from server.check_in.registering import MemberContent, OwnApplicationNeeded, Registration
from server.check_in.roster import RosterInvalid, RosterResult
from server.foundation.actions import ActionView
from server.foundation.bounds import Version
from server.foundation.errors import EditedMeanwhile, WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery
from server.foundation.rates import Group
from server.media.spreadsheets import CSV, MAX_BYTES, XLSX, SheetUnreadable
from server.members.models import MemberKind

routes = Routes("工作端：党员", prefix="/staff")


class MembersQuery(PageQuery):
    """`unmatched`: the home organization is still the member's own words; `contact_overdue`: floating members whom
    nobody was in touch with for 30 days."""

    organization_id: Id
    kind: MemberKind | None = None
    unmatched: bool = False
    contact_overdue: bool = False


@routes.get("/members", who=Who.STAFF)
async def list_members(caller: Caller, query: MembersQuery) -> Page[MemberCard]:
    """辖区内已报到的党员"""
    return await member_queries.list_members(
        caller.person_id,
        query.organization_id,
        query,
        kind=query.kind,
        unmatched=query.unmatched,
        contact_overdue=query.contact_overdue,
    )


@routes.get("/members/counts", who=Who.STAFF)
async def count_members(caller: Caller, query: OfOrganization) -> list[MemberCount]:
    """辖区内党员底数（按类别）"""
    return await member_queries.count_members(caller.person_id, query.organization_id)


class MembersWanted(OfOrganization, kw_only=True):
    """As in the list of members."""

    kind: MemberKind | None = None
    unmatched: bool = False
    contact_overdue: bool = False


@routes.get("/members/export", who=Who.STAFF, raw=(XLSX,), group=Group.DRAWING)
async def export_members(caller: Caller, query: MembersWanted) -> HTTPResponse:
    """导出党员名单（xlsx）

    条件与列表相同，姓名同样隐去一部分；最多 10000 条，每次导出都会留痕。
    """
    file = await exports.export_members(
        caller.person_id,
        query.organization_id,
        kind=query.kind,
        unmatched=query.unmatched,
        contact_overdue=query.contact_overdue,
    )
    return send_file(file, XLSX)


class RegisterMember(Registration, kw_only=True, frozen=True):
    """`member_agreed`: the member was told and agreed by word; that is recorded with the caller's name."""

    community_id: Id
    member_agreed: bool = False


@routes.post("/members", who=Who.STAFF, status=201, errors=[OwnApplicationNeeded])
async def register_member(caller: Caller, body: RegisterMember) -> MemberCard:
    """登记到场的党员（直接确认报到）"""
    return await registering.register_member(caller.person_id, body.community_id, body, agreed=body.member_agreed)


@routes.get("/members/<membership_id>", who=Who.STAFF)
async def view_member(caller: Caller, membership_id: Id) -> MemberDetail:
    """查看一名党员（留痕）"""
    return await member_queries.view_member(caller.person_id, membership_id)


@routes.get("/members/<membership_id>/actions", who=Who.STAFF)
async def list_member_actions(caller: Caller, membership_id: Id) -> list[ActionView]:
    """对这名党员能做什么

    修改、指定联系人、邀请转入组织关系、登记已转入、结束登记；不能做的说明原因。
    """
    return await member_actions.list_member_actions(caller.person_id, membership_id)


class ChangeMember(MemberContent, kw_only=True, frozen=True):
    version: Version


@routes.put("/members/<membership_id>", who=Who.STAFF, errors=[EditedMeanwhile])
async def change_member(caller: Caller, membership_id: Id, body: ChangeMember) -> MemberCard:
    """修改党员类别、所属党组织和备注"""
    return await registering.change_member(caller.person_id, membership_id, body.version, body)


@routes.post("/members/<membership_id>/end", who=Who.STAFF)
async def end_member(caller: Caller, membership_id: Id, body: WithReason) -> None:
    """结束党员登记（登记有误、已去世等）"""
    await registering.end_member(caller.person_id, membership_id, body.reason)


class AssignContact(Strict):
    """Somebody who works for the community or one of its grids, or a member checked in there; null: nobody."""

    contact_person_id: Id | None


@routes.put("/members/<membership_id>/contact-person", who=Who.STAFF, errors=[WrongState])
async def assign_contact(caller: Caller, membership_id: Id, body: AssignContact) -> MemberCard:
    """指定流动党员的联系人"""
    return await contacts.assign_contact(caller.person_id, membership_id, body.contact_person_id)


@routes.post(
    "/members/<membership_id>/transfer", who=Who.STAFF, status=201, errors=[transfers.TransferOpen, WrongState]
)
async def offer_transfer(caller: Caller, membership_id: Id) -> MemberCard:
    """再次邀请离退休党员转入组织关系"""
    return await transfers.offer_transfer(caller.person_id, membership_id)


class CompleteTransfer(Strict):
    home_organization_id: Id


@routes.post("/members/<membership_id>/transfer/complete", who=Who.STAFF, errors=[WrongState])
async def complete_transfer(caller: Caller, membership_id: Id, body: CompleteTransfer) -> MemberCard:
    """组织关系已转入社区党组织"""
    return await transfers.complete_transfer(caller.person_id, membership_id, body.home_organization_id)


@routes.get("/rosters/template.xlsx", who=Who.STAFF, raw=(XLSX,), group=Group.DRAWING)
async def download_roster_template() -> HTTPResponse:
    """下载党员名册模板"""
    headers = {"content-disposition": f"attachment; filename*=UTF-8''{quote('党员名册模板.xlsx')}"}
    return HTTPResponse(await roster.write_template(), content_type=XLSX, headers=headers)


class RosterQuery(Strict):
    """`members_agreed`: those on the roster were told and agreed. `check_only`: only say what would be done."""

    community_id: Id
    members_agreed: bool = False
    check_only: bool = False


@routes.post("/rosters", who=Who.STAFF, raw=("multipart/form-data", XLSX, CSV), errors=[RosterInvalid, SheetUnreadable])
async def import_roster(caller: Caller, request: Request, query: RosterQuery) -> RosterResult:
    """导入党员名册（.xlsx 或 .csv）

    全部核对无误才会导入；有错误时按行、列列出（`rows.5.phone` 即第 5 行手机号），不会导入任何内容。
    同一名册可以重复导入，不会重复登记。
    """
    limit = f"文件不能超过 {MAX_BYTES // 1024 // 1024} MB"
    data = await read_file(request, (XLSX, CSV, "application/octet-stream"), MAX_BYTES, limit)
    return await roster.import_roster(
        caller.person_id,
        query.community_id,
        data,
        agreed=query.members_agreed,
        check_only=query.check_only,
    )
