"""党员 members: one's own membership, being visible, and keeping in touch with floating members."""

from sanic.response import HTTPResponse

from miniprogram_api.fields import Note, Strict, Words
from miniprogram_api.routing import Routes, Who
from miniprogram_api.scanned import facts, show_scanned, words
from server.accounts.consents import ConsentNeeded
from server.accounts.sessions import Caller
from server.check_in import contact_queries, contacts, identity, member_actions, member_queries, transfers
from server.check_in.contact_queries import ContactView, FloatingMember, FloatingMemberDetail
from server.check_in.identity import IdentityCard, VerifiedIdentity
from server.check_in.member_queries import MyMembership
from server.check_in.models import ContactMeans
from server.foundation import clock
from server.foundation.actions import ActionView
from server.foundation.bounds import Moment
from server.foundation.errors import NotFound, WrongState
from server.foundation.ids import Id
from server.foundation.rates import Group
from server.media.drawing.fonts import GlyphMissing

routes = Routes("党员 members")

_NOTE = "党员身份核验 · 身份码五分钟内有效，不显示姓名全称"


@routes.get("/me/membership", errors=[NotFound])
async def get_my_membership(caller: Caller) -> MyMembership:
    """我的党员信息"""
    return await member_queries.get_my_membership(caller.person_id)


class AnswerTransfer(Strict):
    """Yes or no to moving the membership to the community's Party organization."""

    accept: bool
    reason: Note = ""


@routes.post("/me/membership/transfer", errors=[NotFound, WrongState])
async def answer_transfer(caller: Caller, body: AnswerTransfer) -> MyMembership:
    """答复转入组织关系的邀请（离退休党员）"""
    return await transfers.answer_transfer(caller.person_id, accept=body.accept, reason=body.reason)


@routes.get("/me/membership/transfer/actions", errors=[NotFound])
async def list_transfer_actions(caller: Caller) -> list[ActionView]:
    """对转入组织关系的邀请能做什么

    `accept` 为愿意，`decline` 为不愿意；没有待答复的邀请时为空。
    """
    return await member_actions.list_transfer_actions(caller.person_id)


@routes.get("/me/identity-card", errors=[ConsentNeeded, NotFound])
async def show_identity(caller: Caller) -> IdentityCard:
    """亮身份：取得五分钟内有效的身份码

    需要同意 `show_identity`，并已确认报到。
    """
    return await identity.show_identity(caller.person_id)


@routes.get(
    "/me/identity-card/picture",
    raw=("image/png",),
    group=Group.DRAWING,
    errors=[ConsentNeeded, NotFound, GlyphMissing],
)
async def draw_identity_card(caller: Caller) -> HTTPResponse:
    """亮身份：带二维码的图片"""
    picture = await identity.draw_identity_card(caller.person_id)
    return HTTPResponse(picture, content_type="image/png", headers={"cache-control": "no-store"})


@routes.get("/identity-cards/<code>", who=Who.ANYONE, group=Group.CODES)
async def verify_identity(code: str) -> VerifiedIdentity:
    """核验党员出示的身份码

    超过五分钟，或党员已不同意展示时，查不到内容。
    """
    return await identity.verify_identity(code)


@routes.get("/identity-cards/<code>/page", who=Who.ANYONE, raw=("text/html",), group=Group.CODES)
async def show_verified_identity(code: str) -> HTTPResponse:
    """核验结果的网页（用任何扫码工具打开）"""
    try:
        shown = await identity.verify_identity(code)
    except NotFound:
        return show_scanned("wrong", "无法核验", words("身份码已过期或无效，请对方重新出示。"), note=_NOTE, status=404)
    return show_scanned(
        "good",
        "身份核验通过",
        facts(
            [
                ("姓名", shown.name),
                ("身份", f"已在{shown.community}报到的党员"),
                ("承担岗位", "、".join(shown.posts)),
                ("有效期至", f"{clock.shanghai(shown.expires_at):%H:%M:%S}"),
            ]
        ),
        note=_NOTE,
    )


@routes.get("/me/floating-members")
async def list_floating_members(caller: Caller) -> list[FloatingMember]:
    """我联系的流动党员"""
    return await contact_queries.list_floating_members(caller.person_id)


@routes.get("/floating-members/<membership_id>")
async def view_floating_member(caller: Caller, membership_id: Id) -> FloatingMemberDetail:
    """查看流动党员的联系方式和联系记录（留痕）"""
    return await contact_queries.view_floating_member(caller.person_id, membership_id)


class RecordContact(Strict):
    """When, how, and what there is to say of it; now, unless told otherwise."""

    means: ContactMeans
    note: Words = ""
    contacted_at: Moment | None = None


@routes.post("/floating-members/<membership_id>/contacts", status=201, errors=[WrongState])
async def record_contact(caller: Caller, membership_id: Id, body: RecordContact) -> ContactView:
    """记录一次与流动党员的联系（联系人或社区工作人员）"""
    return await contacts.record_contact(
        caller.person_id, membership_id, means=body.means, note=body.note, contacted_at=body.contacted_at
    )
