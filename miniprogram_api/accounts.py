"""Signing in, and everything about oneself."""

from datetime import date
from enum import StrEnum
from typing import Annotated, TypeVar

import msgspec
from sanic import Request
from sanic.response import HTTPResponse

from miniprogram_api.downloads import send_file
from miniprogram_api.fields import PhoneIfAny, RealName, ScannedText, Strict, TextVersion
from miniprogram_api.routing import Routes, Who
from server.accounts import actions, cancelling, consents, dependants, merges, personal_data, persons, queries
from server.accounts import sign_in as signing_in
from server.accounts.cancelling import EmptiableField, Leaving
from server.accounts.consent_texts import ConsentText, list_consent_texts
from server.accounts.dependants import GuardianCode, GuardianView
from server.accounts.links import NameFixed
from server.accounts.merges import MergeAnswer, MyMerges
from server.accounts.models import ConsentKind, Relation
from server.accounts.periods import PeriodView, list_periods
from server.accounts.queries import ConsentView, DependantView, Me, OwnDetails
from server.accounts.sessions import Caller, end_all_sessions, end_session
from server.accounts.sharing import SharedCard
from server.accounts.sign_in import (
    CodeRefused,
    PersonBlocked,
    PhoneUnreadable,
    SignedIn,
    SignInBlocked,
    WeChatSessionStale,
)
from server.foundation.actions import ActionView
from server.foundation.bounds import RequiredText, Version
from server.foundation.errors import EditedMeanwhile, InvalidFields, NotFound, WrongState
from server.foundation.ids import Id
from server.foundation.rates import Group
from server.media.spreadsheets import XLSX
from server.media.uploads.uploading import PictureUnusable

routes = Routes("账户 accounts")

Code = Annotated[RequiredText, msgspec.Meta(max_length=256)]


class SignInWithCode(Strict):
    code: Code
    """What `wx.login` gave: used once, five minutes long."""


@routes.post(
    "/sessions",
    who=Who.ANYONE,
    status=201,
    idempotent=False,
    group=Group.SIGN_IN,
    errors=[CodeRefused, SignInBlocked, PersonBlocked],
)
async def sign_in(request: Request, body: SignInWithCode) -> SignedIn:
    """用微信登录"""
    return await signing_in.sign_in(body.code, request.app.ctx.settings.session_days)


@routes.delete("/sessions/current")
async def sign_out(caller: Caller) -> None:
    """退出登录"""
    await end_session(caller.session_id)


@routes.delete("/sessions")
async def sign_out_everywhere(caller: Caller) -> None:
    """在所有设备上退出登录"""
    await end_all_sessions(caller.person_id)


@routes.get("/me")
async def get_me(caller: Caller) -> Me:
    """我的资料"""
    return await queries.get_me(caller.person_id)


@routes.get("/me/personal-data", raw=(XLSX,), group=Group.DRAWING)
async def copy_personal_data(caller: Caller) -> HTTPResponse:
    """个人信息副本（xlsx）

    本平台保存的、关于本人的全部信息，每类一张表。每天最多下载 3 次，每次都会留痕。
    """
    return send_file(await personal_data.copy_personal_data(caller.person_id), XLSX)


@routes.get("/me/details")
async def get_my_details(caller: Caller) -> OwnDetails:
    """我的姓名、手机号和地址（未脱敏）

    供填写表单时使用，仅限本人。
    """
    return await queries.get_own_details(caller.person_id)


class ChangeProfile(Strict):
    version: Version
    nickname: Annotated[RequiredText, msgspec.Meta(max_length=32)] | None = None
    avatar_id: Id | None = None


@routes.patch("/me", errors=[EditedMeanwhile, PictureUnusable])
async def change_profile(caller: Caller, body: ChangeProfile) -> Me:
    """修改昵称和头像"""
    return await persons.change_profile(
        caller.person_id, body.version, nickname=body.nickname, avatar_id=body.avatar_id
    )


class GivePhone(Strict):
    """Either the code of the phone-number button, or the older form's encrypted data."""

    code: Code | None = None
    encrypted_data: Annotated[RequiredText, msgspec.Meta(max_length=4096)] | None = None
    iv: Annotated[RequiredText, msgspec.Meta(max_length=64)] | None = None


@routes.put(
    "/me/phone",
    group=Group.CODES,
    errors=[CodeRefused, consents.ConsentNeeded, PhoneUnreadable, WeChatSessionStale],
)
async def give_phone(caller: Caller, body: GivePhone) -> Me:
    """绑定微信手机号"""
    if body.code:
        return await signing_in.give_phone_by_code(caller.person_id, body.code)
    if body.encrypted_data and body.iv:
        return await signing_in.give_phone_by_data(caller.person_id, body.encrypted_data, body.iv)
    raise InvalidFields.of("code", "必填")


class GiveDetails(Strict):
    real_name: RealName
    address: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    birth_date: date | None = None


@routes.put("/me/details", errors=[consents.ConsentNeeded, consents.GuardianConsentNeeded, NameFixed])
async def give_details(caller: Caller, body: GiveDetails) -> Me:
    """填写姓名、住址和出生日期"""
    return await persons.give_details(
        caller.person_id, real_name=body.real_name, address=body.address, birth_date=body.birth_date
    )


class ChooseCommunity(Strict):
    """`grid_id`: a grid of the community, where one knows in which one lives; without it, none."""

    community_id: Id
    grid_id: Id | None = None


@routes.put("/me/community")
async def choose_community(caller: Caller, body: ChooseCommunity) -> Me:
    """选择所在社区"""
    return await persons.choose_community(caller.person_id, body.community_id, body.grid_id)


@routes.get("/consent-texts", who=Who.ANYONE)
async def list_texts() -> list[ConsentText]:
    """现行的条款：同意之前先展示给本人"""
    return list_consent_texts()


@routes.get("/retention-periods", who=Who.ANYONE)
async def list_retention_periods() -> list[PeriodView]:
    """信息保存期限：保存什么，保存多久"""
    return list_periods()


EnumT = TypeVar("EnumT", bound=StrEnum)


def _known(kinds: type[EnumT], word: str) -> EnumT:
    """A word of a path. Raises NotFound for others."""
    if word not in list(kinds):
        raise NotFound()
    return kinds(word)


class GiveConsent(Strict):
    kind: ConsentKind
    text_version: TextVersion


@routes.post("/me/consents")
async def give_consent(caller: Caller, body: GiveConsent) -> list[ConsentView]:
    """同意一份条款"""
    return await consents.give_consent(caller.person_id, body.kind, body.text_version)


@routes.get("/me/consents")
async def list_consents(caller: Caller) -> list[ConsentView]:
    """我同意过的条款"""
    return await queries.list_consents(caller.person_id)


@routes.delete("/me/consents/<kind>")
async def withdraw_consent(caller: Caller, kind: ConsentKind) -> list[ConsentView]:
    """撤回同意"""
    return await consents.withdraw_consent(caller.person_id, _known(ConsentKind, kind))


@routes.get("/me/consents/<kind>/withdrawal")
async def preview_withdrawal(caller: Caller, kind: ConsentKind) -> Leaving:
    """撤回同意之前：会有什么结果，哪些事项会随之结束"""
    return await cancelling.preview_withdrawal(caller.person_id, _known(ConsentKind, kind))


@routes.delete("/me/details/<field>", errors=[NameFixed, WrongState])
async def empty_detail(caller: Caller, field: EmptiableField) -> Me:
    """清空自己的一项信息：姓名、手机号、住址、出生日期或头像"""
    return await cancelling.empty_detail(caller.person_id, _known(EmptiableField, field))


@routes.get("/me/cancellation")
async def preview_cancellation(caller: Caller) -> Leaving:
    """注销之前：会有什么结果，哪些事项未了结"""
    return await cancelling.preview_cancellation(caller.person_id)


@routes.post("/me/cancellation", idempotent=False, errors=[cancelling.RolesHeld, WrongState])
async def cancel_account(caller: Caller) -> None:
    """注销账号

    未了结的事项随之了结，本人信息随即清除，不能恢复。
    """
    await cancelling.cancel_account(caller.person_id)


@routes.get("/me/merges")
async def list_my_merges(caller: Caller) -> MyMerges:
    """社区认为与我是同一人的账号，等待双方确认"""
    return await merges.list_my_merges(caller.person_id)


@routes.get("/me/merges/<proposal_id>/actions")
async def list_merge_actions(caller: Caller, proposal_id: Id) -> list[ActionView]:
    """对这次合并能做什么

    确认或否认；已确认、等待对方的，只能否认。
    """
    return await actions.list_merge_actions(caller.person_id, proposal_id)


@routes.post("/me/merges/<proposal_id>/confirm", errors=[WrongState])
async def confirm_merge(caller: Caller, proposal_id: Id) -> MergeAnswer:
    """确认是同一人；双方都确认后合并"""
    return await merges.confirm_merge(caller.person_id, proposal_id)


@routes.post("/me/merges/<proposal_id>/decline", errors=[WrongState])
async def decline_merge(caller: Caller, proposal_id: Id) -> MyMerges:
    """不是同一人"""
    return await merges.decline_merge(caller.person_id, proposal_id)


class AddDependant(Strict):
    """Somebody the caller looks after. `guardian_consents` confirms the consent (below 14 the guardian's own).

    `birth_date` is required for a child and where the relation is another one. `phone` is a contact only.
    """

    real_name: RealName
    relation: Relation
    birth_date: date | None = None
    phone: PhoneIfAny = ""
    guardian_consents: bool = False


@routes.get("/me/dependants/<person_id>/code", errors=[WrongState])
async def show_guardian_code(caller: Caller, person_id: Id) -> GuardianCode:
    """出示给成年家人扫描的二维码：本人扫描即同意由我代办"""
    return await dependants.show_guardian_code(caller.person_id, person_id)


class AcceptGuardian(Strict):
    code: ScannedText


@routes.post(
    "/me/guardians",
    status=201,
    group=Group.CODES,
    errors=[consents.ConsentNeeded, dependants.GuardianCodeInvalid, NotFound, WrongState],
)
async def accept_guardian(caller: Caller, body: AcceptGuardian) -> list[GuardianView]:
    """扫描家人的二维码，同意由其代办"""
    return await dependants.accept_guardian(caller.person_id, body.code)


@routes.get("/guardians/shared", who=Who.ANYONE, group=Group.CODES, errors=[dependants.GuardianCodeInvalid])
async def show_shared_guardian(caller: Caller | None, query: AcceptGuardian) -> SharedCard:
    """家人二维码打开的卡片

    任何人都可查看。`why` 和 `advice` 说明还差什么、怎么办。
    """
    return await dependants.show_shared_guardian(caller.person_id if caller else None, query.code)


@routes.get("/me/guardians")
async def list_guardians(caller: Caller) -> list[GuardianView]:
    """代我办事的家人"""
    return await dependants.list_guardians(caller.person_id)


@routes.delete("/me/guardians/<person_id>")
async def end_guardian(caller: Caller, person_id: Id) -> list[GuardianView]:
    """不再由该家人代办"""
    return await dependants.end_guardian(caller.person_id, person_id)


@routes.post(
    "/me/dependants",
    status=201,
    errors=[
        consents.GuardianConsentNeeded,
        consents.ConsentNeeded,
        dependants.DependantKnown,
        dependants.FamilyFull,
    ],
)
async def add_dependant(caller: Caller, body: AddDependant) -> DependantView:
    """添加家人"""
    return await dependants.add_dependant(
        caller.person_id,
        real_name=body.real_name,
        relation=body.relation,
        birth_date=body.birth_date,
        phone=body.phone,
        guardian_consents=body.guardian_consents,
    )


@routes.get("/me/dependants")
async def list_dependants(caller: Caller) -> list[DependantView]:
    """我的家人"""
    return await queries.list_dependants(caller.person_id)


class ChangeDependant(Strict):
    """All as it is to be. An empty `phone` is forgotten."""

    version: Version
    real_name: RealName
    relation: Relation
    birth_date: date | None = None
    phone: PhoneIfAny = ""


@routes.put(
    "/me/dependants/<person_id>",
    errors=[dependants.AgeGroupChanged, dependants.DependantKnown, EditedMeanwhile, NameFixed],
)
async def change_dependant(caller: Caller, person_id: Id, body: ChangeDependant) -> DependantView:
    """更正家人资料"""
    return await dependants.change_dependant(
        caller.person_id,
        person_id,
        body.version,
        real_name=body.real_name,
        relation=body.relation,
        birth_date=body.birth_date,
        phone=body.phone,
    )


@routes.delete("/me/dependants/<person_id>")
async def end_dependant(caller: Caller, person_id: Id) -> None:
    """不再照看这位家人"""
    await dependants.end_dependant(caller.person_id, person_id)
