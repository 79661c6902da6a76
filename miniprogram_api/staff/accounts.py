"""Staff: finding, registering and merging persons; every view of personal data is audited."""

from miniprogram_api.fields import Phone, PhoneIfAny, RealName, Strict
from miniprogram_api.routing import Routes, Who
from server.accounts import actions, blocking, dependants, merges, person_page, registry, roster_links
from server.accounts.blocking import BlockReason
from server.accounts.merges import MergeProposed, MergeView
from server.accounts.person_page import PersonPage
from server.accounts.queries import DependantView
from server.accounts.registry import PersonFound, PersonsFound
from server.accounts.roster_links import RosterLinkView
from server.accounts.sessions import Caller
from server.foundation.actions import ActionView
from server.foundation.errors import NotFound, WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery
from server.foundation.rates import Group

routes = Routes("工作端：人员", prefix="/staff")


class FindPerson(Strict):
    phone: Phone


@routes.post("/persons/find", who=Who.STAFF, idempotent=False, group=Group.FINDING, errors=[NotFound])
async def find_person(caller: Caller, body: FindPerson) -> PersonFound:
    """按手机号查找人员（留痕）"""
    return await registry.find_person(caller.person_id, body.phone)


class FindPersonsByName(Strict):
    real_name: RealName


@routes.post("/persons/find-by-name", who=Who.STAFF, idempotent=False, group=Group.FINDING)
async def find_persons_by_name(caller: Caller, body: FindPersonsByName) -> PersonsFound:
    """按姓名查找人员（留痕）

    只找得到在本辖区办过事的人，须写全名；间隔点和空格的写法不限。
    """
    return await registry.find_persons_by_name(caller.person_id, body.real_name)


@routes.get("/persons/<person_id>", who=Who.STAFF)
async def view_person(caller: Caller, person_id: Id) -> PersonPage:
    """一个人在本辖区的全部事项（留痕）

    报到、岗位、心愿、认领、预约、报名、服务时长、爽约、投诉等，每类最近 20 条。姓名和电话隐去一部分，
    需要时另行查看联系方式。
    """
    return await person_page.view_person(caller.person_id, person_id)


class RegisterPerson(Strict):
    """Somebody at the counter who does not use the mini-program."""

    organization_id: Id
    real_name: RealName
    phone: PhoneIfAny = ""


@routes.post("/persons", who=Who.STAFF, status=201, errors=[WrongState])
async def register_walk_in(caller: Caller, body: RegisterPerson) -> PersonFound:
    """登记到访人员"""
    return await registry.register_walk_in(
        caller.person_id, body.organization_id, real_name=body.real_name, phone=body.phone
    )


class MergePersons(Strict):
    into_id: Id


@routes.post("/persons/<person_id>/merge", who=Who.STAFF, errors=[WrongState, MergeProposed])
async def merge_person(caller: Caller, person_id: Id, body: MergePersons) -> MergeView:
    """合并同一个人的两份资料（管理员）

    双方都登录过或验证过手机号时，须双方在各自手机上确认后才合并。
    """
    return await merges.merge_person(caller.person_id, person_id, body.into_id)


@routes.get("/persons/<person_id>/dependants", who=Who.STAFF)
async def list_dependants_for_staff(caller: Caller, person_id: Id) -> list[DependantView]:
    """某人的家人，及尚待本人同意的"""
    return await dependants.list_dependants_for_staff(caller.person_id, person_id)


@routes.post("/persons/<person_id>/dependants/<dependant_id>/confirm", who=Who.STAFF, errors=[WrongState])
async def confirm_dependant(caller: Caller, person_id: Id, dependant_id: Id) -> DependantView:
    """登记：没有手机的成年家人当面同意由此人代办"""
    return await dependants.confirm_dependant(caller.person_id, person_id, dependant_id)


class CorrectName(Strict):
    real_name: RealName


@routes.put("/persons/<person_id>/name", who=Who.STAFF)
async def correct_name(caller: Caller, person_id: Id, body: CorrectName) -> PersonFound:
    """核实或更正姓名（已核对本人证件）"""
    return await roster_links.correct_name(caller.person_id, person_id, body.real_name)


class RosterLinksQuery(PageQuery):
    organization_id: Id


@routes.get("/roster-links", who=Who.STAFF)
async def list_roster_links(caller: Caller, query: RosterLinksQuery) -> Page[RosterLinkView]:
    """待核对：登录人的姓名和手机号与名册中的党员一致"""
    return await roster_links.list_roster_links(caller.person_id, query.organization_id, query)


@routes.get("/roster-links/<link_id>/actions", who=Who.STAFF)
async def list_roster_link_actions(caller: Caller, link_id: Id) -> list[ActionView]:
    """对这条花名册核对能做什么

    确认是本人，或不是；不能做的说明原因，如双方姓名已不一致。
    """
    return await actions.list_roster_link_actions(caller.person_id, link_id)


@routes.post("/roster-links/<link_id>/confirm", who=Who.STAFF, errors=[WrongState])
async def confirm_roster_link(caller: Caller, link_id: Id) -> PersonFound:
    """已与本人核对，是名册中的党员"""
    return await roster_links.confirm_roster_link(caller.person_id, link_id)


@routes.post("/roster-links/<link_id>/refuse", who=Who.STAFF, errors=[WrongState])
async def refuse_roster_link(caller: Caller, link_id: Id) -> None:
    """不是名册中的党员"""
    await roster_links.refuse_roster_link(caller.person_id, link_id)


class BlockPerson(Strict):
    reason: BlockReason


@routes.post("/persons/<person_id>/block", who=Who.STAFF, errors=[WrongState])
async def block_person(caller: Caller, person_id: Id, body: BlockPerson) -> PersonFound:
    """停用一个账号（管理员）

    立即退出登录并不能再登录；未完成的心愿交由工作人员跟进，认领的心愿回到心愿墙。
    """
    return await blocking.block_person(caller.person_id, person_id, body.reason)


@routes.post("/persons/<person_id>/unblock", who=Who.STAFF, errors=[WrongState])
async def unblock_person(caller: Caller, person_id: Id) -> PersonFound:
    """恢复一个账号（管理员）"""
    return await blocking.unblock_person(caller.person_id, person_id)


@routes.get("/persons/<person_id>/details", who=Who.STAFF)
async def view_person_details(caller: Caller, person_id: Id) -> registry.PersonDetailsView:
    """查看人员联系方式（留痕）"""
    return await registry.view_person_details(caller.person_id, person_id)
