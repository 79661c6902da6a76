"""网格事项 grid cases: reporting something, following what others reported, and the resident's word on the answer."""

from typing import Annotated

import msgspec

from miniprogram_api.fields import WithReason
from miniprogram_api.routing import Routes
from server.accounts.consents import ConsentNeeded
from server.accounts.sessions import Caller
from server.foundation.actions import ActionView
from server.foundation.errors import NotAllowed, WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery
from server.foundation.rates import Group
from server.grid_cases import actions, categories, checking, lists, queries, reporting
from server.grid_cases.categories import CategoryView
from server.grid_cases.checking import NewCaseRating
from server.grid_cases.errors import OutsideCity, PlaceNeeded, ReopenedTooLate, ReopenedTooOften
from server.grid_cases.lists import CaseCard, NearbyCase, NearbyQuery
from server.grid_cases.queries import CaseView
from server.grid_cases.reporting import CaseContent
from server.media.uploads.uploading import PictureUnusable

routes = Routes("网格事项 grid cases")


@routes.get("/case-categories")
async def list_case_categories(caller: Caller) -> list[CategoryView]:  # noqa: ARG001
    """事项类别和办理标准

    按类别编码排列；没有 standard 的是大类，只用来归类。
    """
    return await categories.list_categories()


class ReportCase(CaseContent, forbid_unknown_fields=True):
    shares_contact: Annotated[bool, msgspec.Meta(description="whoever handles it may see whom to call")] = False


@routes.post(
    "/grid-cases",
    status=201,
    group=Group.REVIEWED,
    errors=[ConsentNeeded, OutsideCity, PictureUnusable, PlaceNeeded],
)
async def report_case(caller: Caller, body: ReportCase) -> CaseView:
    """反映一件事

    位置可以是地图上的点、楼栋或文字；不写社区的，由最近的社区或自己所在的社区受理。反映人的身份只有受理人员可以查看并留痕。
    """
    return await reporting.report_case(caller.person_id, body, shares_contact=body.shares_contact)


class PublicCasesQuery(PageQuery):
    community_id: Id


@routes.get("/grid-cases")
async def list_public_cases(caller: Caller, query: PublicCasesQuery) -> Page[CaseCard]:
    """一个社区公开的事项，最新的在前"""
    return await lists.list_public_cases(caller.person_id, query.community_id, query)


@routes.get("/grid-cases/mine")
async def list_my_cases(caller: Caller, query: PageQuery) -> Page[CaseCard]:
    """我反映的事项"""
    return await lists.list_my_cases(caller.person_id, query)


@routes.get("/grid-cases/followed")
async def list_followed_cases(caller: Caller, query: PageQuery) -> Page[CaseCard]:
    """我跟进的事项"""
    return await lists.list_followed_cases(caller.person_id, query)


@routes.get("/grid-cases/nearby")
async def list_cases_nearby(caller: Caller, query: NearbyQuery) -> list[NearbyCase]:
    """附近可能相同的事项

    150 米内同一类别、尚未办结的公开事项，最近的在前，最多五件：相同的点“我也遇到”，不必重复反映。
    """
    return await lists.list_cases_nearby(caller.person_id, query)


@routes.get("/grid-cases/<case_id>")
async def get_case(caller: Caller, case_id: Id) -> CaseView:
    """一件事项：内容、时限、办理经过和答复"""
    return await queries.get_visible_case(caller.person_id, case_id)


@routes.get("/grid-cases/<case_id>/actions")
async def list_case_actions(caller: Caller, case_id: Id) -> list[ActionView]:
    """我现在可以对这件事项做什么

    工作人员的立案、派遣、接件、核查等也在其中。
    """
    return await actions.list_case_actions(caller.person_id, case_id)


@routes.post("/grid-cases/<case_id>/followers", errors=[NotAllowed, WrongState])
async def join_case(caller: Caller, case_id: Id) -> CaseView:
    """我也遇到：跟进这件事项，有答复时通知一次"""
    return await reporting.join_case(caller.person_id, case_id)


@routes.delete("/grid-cases/<case_id>/followers/me", errors=[NotAllowed, WrongState])
async def leave_case(caller: Caller, case_id: Id) -> None:
    """不再跟进"""
    await reporting.leave_case(caller.person_id, case_id)


class RateCase(NewCaseRating, forbid_unknown_fields=True):
    pass


@routes.post("/grid-cases/<case_id>/rating", errors=[NotAllowed, WrongState])
async def rate_case(caller: Caller, case_id: Id, body: RateCase) -> CaseView:
    """评价答复：是否联系过、是否解决、满意几星

    评价后即结案；没有解决的，15 天内可以申请重新办理。
    """
    return await checking.rate_case(caller.person_id, case_id, body)


@routes.post("/grid-cases/<case_id>/reopen", errors=[NotAllowed, ReopenedTooLate, ReopenedTooOften, WrongState])
async def reopen_case(caller: Caller, case_id: Id, body: WithReason) -> CaseView:
    """没有解决，申请重新办理

    反映人在答复后 15 天内可以申请两次。
    """
    return await checking.reopen_case(caller.person_id, case_id, body.reason)
