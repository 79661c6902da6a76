"""双报到: checking in as a member, and posts."""

from typing import Annotated

import msgspec

from miniprogram_api.fields import Created, PartyOrganizationText, Strict, WithReason
from miniprogram_api.routing import Routes
from server.accounts.service import ConsentNeeded
from server.accounts.sessions import Caller
from server.check_in import checking_in, queries
from server.check_in.posts import holding
from server.check_in.posts import queries as post_queries
from server.check_in.posts.queries import MyHolding, PostCard, VisibleHolder
from server.check_in.queries import MyCheckIns
from server.check_in.units.pairing import NotPaired
from server.foundation.errors import EditedMeanwhile, WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery
from server.members.models import MemberKind

routes = Routes("双报到 check-in")

Word = Annotated[str, msgspec.Meta(min_length=1, max_length=20)]
WordList = Annotated[list[Word], msgspec.Meta(max_length=20)]


class ResidenceBody(Strict):
    """Where the member lives: 小区 and 楼栋."""

    estate: Annotated[str, msgspec.Meta(min_length=1, max_length=50)]
    building: Annotated[str, msgspec.Meta(max_length=50)] = ""

    def residence(self) -> checking_in.Residence:
        return checking_in.Residence(self.estate, self.building)


class TalentsBody(Strict):
    """Where the member lives, what they can do and are willing to do, and when."""

    residence: ResidenceBody
    skills: WordList = []
    willing: WordList = []
    free_times: WordList = []

    def talents(self) -> checking_in.Talents:
        return checking_in.Talents(skills=self.skills, willing=self.willing, free_times=self.free_times)


class ApplyCheckIn(TalentsBody, kw_only=True):
    """The home organization is one of ours (`home_organization_id`), or words (`home_text`) that staff match.

    Who does not live in the community checks in through the unit they work for (`via_unit_id`), if the two are paired.
    """

    community_id: Id
    kind: MemberKind = MemberKind.IN_SERVICE
    home_organization_id: Id | None = None
    home_text: PartyOrganizationText = ""
    via_unit_id: Id | None = None

    def application(self) -> checking_in.Application:
        return checking_in.Application(
            community_id=self.community_id,
            kind=self.kind,
            home_organization_id=self.home_organization_id,
            home_text=self.home_text,
            via_unit_id=self.via_unit_id,
            residence=self.residence.residence(),
            talents=self.talents(),
        )


class ApplyAgain(ApplyCheckIn, kw_only=True):
    version: int


class ChangeTalents(TalentsBody, kw_only=True):
    version: int


@routes.post(
    "/check-ins",
    status=201,
    errors=[ConsentNeeded, checking_in.CheckInPending, checking_in.AlreadyCheckedIn, NotPaired],
)
async def apply_check_in(caller: Caller, body: ApplyCheckIn) -> Created:
    """向居住地社区报到

    需要单独的同意 `membership_data`。已在别处报到的，视为申请转出：新的确认后，原来的结束。
    """
    return Created(await checking_in.apply_check_in(caller.person_id, body.application()))


@routes.put(
    "/check-ins/<check_in_id>",
    errors=[ConsentNeeded, WrongState, EditedMeanwhile, checking_in.AlreadyCheckedIn, NotPaired],
)
async def apply_check_in_again(caller: Caller, check_in_id: Id, body: ApplyAgain) -> MyCheckIns:
    """修改并重新提交报到申请"""
    await checking_in.apply_check_in_again(caller.person_id, check_in_id, body.version, body.application())
    return await queries.get_my_check_ins(caller.person_id)


@routes.put("/check-ins/<check_in_id>/talents", errors=[WrongState, EditedMeanwhile])
async def change_talents(caller: Caller, check_in_id: Id, body: ChangeTalents) -> MyCheckIns:
    """更新住址、特长和服务意愿"""
    await checking_in.change_talents(
        caller.person_id,
        check_in_id,
        body.version,
        residence=body.residence.residence(),
        talents=body.talents(),
    )
    return await queries.get_my_check_ins(caller.person_id)


@routes.post("/check-ins/<check_in_id>/withdraw", errors=[WrongState])
async def withdraw_check_in(caller: Caller, check_in_id: Id, body: WithReason) -> MyCheckIns:
    """撤回报到申请，或结束报到"""
    await checking_in.withdraw_check_in(caller.person_id, check_in_id, body.reason)
    return await queries.get_my_check_ins(caller.person_id)


@routes.get("/me/check-ins")
async def get_my_check_ins(caller: Caller) -> MyCheckIns:
    """我的报到"""
    return await queries.get_my_check_ins(caller.person_id)


@routes.get("/communities/<community_id>/posts")
async def list_posts(community_id: Id, query: PageQuery) -> Page[PostCard]:
    """社区正在招募的岗位"""
    return await post_queries.list_posts(community_id, query.cursor, query.limit)


@routes.post("/posts/<post_id>/apply", status=201, errors=[holding.PostClosed, holding.NotCheckedIn, holding.PostHeld])
async def apply_for_post(caller: Caller, post_id: Id) -> Created:
    """申请岗位"""
    return Created(await holding.apply_for_post(caller.person_id, post_id))


@routes.post("/post-holdings/<holding_id>/leave", errors=[WrongState])
async def leave_post(caller: Caller, holding_id: Id, body: WithReason) -> None:
    """撤回岗位申请，或卸任岗位"""
    await holding.leave_post(caller.person_id, holding_id, body.reason)


@routes.get("/me/posts")
async def list_my_posts(caller: Caller) -> list[MyHolding]:
    """我的岗位"""
    return await post_queries.list_my_posts(caller.person_id)


@routes.get("/communities/<community_id>/post-holders")
async def list_visible_holders(community_id: Id) -> list[VisibleHolder]:
    """岗位公示：已亮明身份的任职党员"""
    return await post_queries.list_visible_holders(community_id)
