"""工作端：网格事项: taking cases down, dispatching, handling, delays, checking, categories and their standards."""

from datetime import date
from typing import Annotated

import msgspec

from miniprogram_api.fields import (
    Note,
    OfOrganization,
    OrganizationPage,
    PhoneIfAny,
    RealNameIfAny,
    Strict,
    WithReason,
    Words,
)
from miniprogram_api.routing import Routes, Who
from server.accounts.sessions import Caller
from server.foundation.bounds import Moment, RequiredText, Version
from server.foundation.errors import EditedMeanwhile, NotFound, WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page
from server.grid_cases import (
    blurring,
    categories,
    checking,
    contact,
    delays,
    dispatching,
    figures,
    handling,
    lists,
    partners,
    reporting,
)
from server.grid_cases.categories import CategoryContent, CategoryView, StandardView
from server.grid_cases.contact import CaseContact
from server.grid_cases.errors import (
    DelayAsked,
    DelayedTooOften,
    DelayTooLate,
    LastMustTake,
    NobodyHandles,
    OutsideCity,
    PhotosNeeded,
    PlaceNeeded,
)
from server.grid_cases.figures import CaseFigures, CategoryFigures, GridFigures, RepeatPlace
from server.grid_cases.handling import Worked
from server.grid_cases.lists import StaffCaseCard
from server.grid_cases.models import CaseOutcome, CaseSource, CaseState
from server.grid_cases.partners import NewPartner, PartnerCreated, PartnerView
from server.grid_cases.queries import CaseView
from server.grid_cases.reporting import CaseContent
from server.grid_cases.rules import MAX_PICTURES
from server.media.uploads.blurring import MAX_AREAS, Area, OriginalView
from server.media.uploads.uploading import PictureUnusable

routes = Routes("工作端：网格事项", prefix="/staff")


class SetCaseCategory(CategoryContent, forbid_unknown_fields=True):
    version: Version
    """0 where there is no category with this code yet."""


@routes.put("/case-categories", who=Who.STAFF, errors=[EditedMeanwhile])
async def set_case_category(caller: Caller, body: SetCaseCategory) -> CategoryView:
    """新增或修改事项类别及办理标准（市级管理员）

    标准有变动时生成新版本，只适用于此后反映的事项。
    """
    return await categories.set_category(caller.person_id, body.version, body)


@routes.get("/case-categories/<category_id>/standards", who=Who.STAFF)
async def list_case_standards(caller: Caller, category_id: Id) -> list[StandardView]:  # noqa: ARG001
    """一个类别的历次办理标准，最新的在前"""
    return await categories.list_standards(category_id)


class ReportCaseFor(CaseContent, forbid_unknown_fields=True):
    source: CaseSource
    person_id: Id | None = None
    """Who reported it, where they are known here."""
    name: RealNameIfAny = ""
    phone: PhoneIfAny = ""
    """How to reach them otherwise; sealed."""
    shares_contact: bool = False
    """They agree that whoever handles it calls them."""


@routes.post("/grid-cases", who=Who.STAFF, status=201, errors=[OutsideCity, PictureUnusable, PlaceNeeded])
async def report_case_for(caller: Caller, body: ReportCaseFor) -> CaseView:
    """代为登记：电话、现场反映的，或巡查发现的

    联系方式加密保存，只有受理人员可以查看并留痕。
    """
    return await reporting.report_case_for(
        caller.person_id,
        body,
        body.source,
        person_id=body.person_id,
        name=body.name,
        phone=body.phone,
        shares_contact=body.shares_contact,
    )


class CasesOfArea(OrganizationPage, kw_only=True):
    state: CaseState | None = None


@routes.get("/grid-cases", who=Who.STAFF)
async def list_cases_of_area(caller: Caller, query: CasesOfArea) -> Page[StaffCaseCard]:
    """辖区内的事项，最新的在前"""
    return await lists.list_cases_of_area(caller.person_id, query.organization_id, state=query.state, page=query)


@routes.get("/grid-cases/held", who=Who.STAFF, errors=[NotFound])
async def list_cases_held(caller: Caller, query: OrganizationPage) -> Page[StaffCaseCard]:
    """轮到本组织办理的事项，最急的在前（单位联络员、网格员也可查看）"""
    return await lists.list_cases_held(caller.person_id, query.organization_id, query)


@routes.get("/grid-cases/<case_id>/contact", who=Who.STAFF)
async def view_case_contact(caller: Caller, case_id: Id) -> CaseContact:
    """查看反映人的联系方式（留痕）

    派遣员可以查看；处置人在处置期间、且反映人同意时可以查看。
    """
    return await contact.view_case_contact(caller.person_id, case_id)


@routes.get("/grid-cases/<case_id>/originals", who=Who.STAFF)
async def view_case_originals(caller: Caller, case_id: Id) -> list[OriginalView]:
    """查看事项图片的原图，以及已打码的区域（受理人员，留痕）"""
    return await blurring.view_case_originals(caller.person_id, case_id)


class BlurCasePicture(Strict):
    areas: Annotated[list[Area], msgspec.Meta(max_length=MAX_AREAS)]
    """Everything that is to be blurred; none of it shows the picture as it came."""


@routes.put("/grid-cases/<case_id>/pictures/<picture_id>/blur", who=Who.STAFF)
async def blur_case_picture(caller: Caller, case_id: Id, picture_id: Id, body: BlurCasePicture) -> list[OriginalView]:
    """给事项的一张图片打码：人脸、车牌等（受理人员，留痕）

    立案之后其他居民才能看到图片。此后所有人看到的都是打码后的图片，原图只有受理人员可以查看。
    """
    return await blurring.blur_case_picture(caller.person_id, case_id, picture_id, body.areas)


@routes.post("/grid-cases/<case_id>/file", who=Who.STAFF, errors=[WrongState])
async def file_case(caller: Caller, case_id: Id) -> CaseView:
    """立案

    处置时限从此时起按标准一次算定。
    """
    return await dispatching.file_case(caller.person_id, case_id)


class RefuseCase(WithReason):
    responsible: Annotated[str, msgspec.Meta(max_length=60)] = ""
    """Whose it is, where it is somebody else's; told together with the reason."""


@routes.post("/grid-cases/<case_id>/refuse", who=Who.STAFF, errors=[WrongState])
async def refuse_case(caller: Caller, case_id: Id, body: RefuseCase) -> CaseView:
    """不予受理，并说明理由和责任单位"""
    return await dispatching.refuse_case(caller.person_id, case_id, body.reason, body.responsible)


class DispatchCase(Strict):
    organization_id: Id
    note: Note = ""


@routes.post("/grid-cases/<case_id>/dispatch", who=Who.STAFF, errors=[NobodyHandles, WrongState])
async def dispatch_case(caller: Caller, case_id: Id, body: DispatchCase) -> CaseView:
    """派遣给辖区内的网格、单位或部门"""
    return await dispatching.dispatch_case(caller.person_id, case_id, body.organization_id, body.note)


@routes.post("/grid-cases/<case_id>/escalate", who=Who.STAFF, errors=[LastMustTake, WrongState])
async def escalate_case(caller: Caller, case_id: Id, body: WithReason) -> CaseView:
    """上报上级派遣，直至区级

    时限不因上报而改变。
    """
    return await dispatching.escalate_case(caller.person_id, case_id, body.reason)


class MergeCase(WithReason):
    into_id: Id


@routes.post("/grid-cases/<case_id>/merge", who=Who.STAFF, errors=[WrongState])
async def merge_case(caller: Caller, case_id: Id, body: MergeCase) -> CaseView:
    """并入本社区同类的另一件事项

    反映人和跟进的居民都转为跟进那一件。
    """
    return await dispatching.merge_case(caller.person_id, case_id, body.into_id, body.reason)


@routes.post("/grid-cases/<case_id>/take-back", who=Who.STAFF, errors=[WrongState])
async def take_back_case(caller: Caller, case_id: Id, body: WithReason) -> CaseView:
    """收回，重新派遣"""
    return await handling.take_back_case(caller.person_id, case_id, body.reason)


@routes.post("/grid-cases/<case_id>/accept", who=Who.STAFF, errors=[WrongState])
async def accept_case(caller: Caller, case_id: Id) -> CaseView:
    """接件

    首个接件的单位对这件事项负责到底。
    """
    return await handling.accept_case(caller.person_id, case_id)


@routes.post("/grid-cases/<case_id>/return", who=Who.STAFF, errors=[LastMustTake, WrongState])
async def return_case(caller: Caller, case_id: Id, body: WithReason) -> None:
    """不属本单位的，退回派遣方并说明理由"""
    await handling.return_case(caller.person_id, case_id, body.reason)


class AddCaseNote(Strict):
    words: Words = ""
    picture_ids: Annotated[list[Id], msgspec.Meta(max_length=MAX_PICTURES)] = []


@routes.post("/grid-cases/<case_id>/notes", who=Who.STAFF, errors=[PictureUnusable, WrongState])
async def add_case_note(caller: Caller, case_id: Id, body: AddCaseNote) -> CaseView:
    """记录进展"""
    return await handling.add_case_note(caller.person_id, case_id, body.words, body.picture_ids)


class HandOverCase(WithReason):
    whose: Annotated[RequiredText, msgspec.Meta(max_length=60)]
    """Whose it is."""


@routes.post("/grid-cases/<case_id>/hand-over", who=Who.STAFF, errors=[WrongState])
async def hand_over_case(caller: Caller, case_id: Id, body: HandOverCase) -> CaseView:
    """接件后发现应由他人处置的，写明由谁处置并转交派遣方"""
    return await handling.hand_over_case(caller.person_id, case_id, body.reason, body.whose)


class AnswerCase(Strict, kw_only=True):
    outcome: CaseOutcome
    answer: Annotated[RequiredText, msgspec.Meta(max_length=1000)]
    """In words that the resident reads."""
    picture_ids: Annotated[list[Id], msgspec.Meta(max_length=MAX_PICTURES)] = []
    minutes: Worked = 0


@routes.post("/grid-cases/<case_id>/answer", who=Who.STAFF, errors=[PhotosNeeded, PictureUnusable, WrongState])
async def answer_case(caller: Caller, case_id: Id, body: AnswerCase) -> CaseView:
    """处置完毕，答复

    由另一人核查后才告知反映人。
    """
    return await handling.answer_case(
        caller.person_id, case_id, body.outcome, body.answer, body.picture_ids, minutes=body.minutes
    )


class AskExtension(WithReason):
    amount: Annotated[int, msgspec.Meta(ge=1, le=100_000, description="in the unit of the standard: minutes or days")]


_DELAYS = [DelayAsked, DelayedTooOften, DelayTooLate, WrongState]


@routes.post("/grid-cases/<case_id>/extension", who=Who.STAFF, errors=_DELAYS)
async def ask_case_extension(caller: Caller, case_id: Id, body: AskExtension) -> CaseView:
    """申请延期

    须在到期前申请，最多两次，由另一人决定。
    """
    return await delays.ask_extension(caller.person_id, case_id, body.amount, body.reason)


class AskSuspension(WithReason):
    until: Moment


@routes.post("/grid-cases/<case_id>/suspension", who=Who.STAFF, errors=_DELAYS)
async def ask_case_suspension(caller: Caller, case_id: Id, body: AskSuspension) -> CaseView:
    """申请挂账，期间不计时

    只能一次，最长一年，由另一人决定。
    """
    return await delays.ask_suspension(caller.person_id, case_id, body.until, body.reason)


class GrantDelay(Strict):
    note: Note = ""


@routes.post("/grid-cases/<case_id>/delay/grant", who=Who.STAFF, errors=[DelayedTooOften, DelayTooLate, WrongState])
async def grant_case_delay(caller: Caller, case_id: Id, body: GrantDelay) -> CaseView:
    """同意延期或挂账"""
    return await delays.grant_delay(caller.person_id, case_id, body.note)


@routes.post("/grid-cases/<case_id>/delay/deny", who=Who.STAFF, errors=[WrongState])
async def deny_case_delay(caller: Caller, case_id: Id, body: WithReason) -> CaseView:
    """不同意延期或挂账"""
    return await delays.deny_delay(caller.person_id, case_id, body.reason)


@routes.post("/grid-cases/<case_id>/resume", who=Who.STAFF, errors=[WrongState])
async def resume_case(caller: Caller, case_id: Id, body: WithReason) -> CaseView:
    """恢复处置，余下的时间继续计算"""
    return await delays.resume_case(caller.person_id, case_id, body.reason)


class PassCase(Strict):
    note: Note = ""


@routes.post("/grid-cases/<case_id>/pass", who=Who.STAFF, errors=[WrongState])
async def pass_case(caller: Caller, case_id: Id, body: PassCase) -> CaseView:
    """核查通过，答复反映人（处置过的人不能核查）"""
    return await checking.pass_case(caller.person_id, case_id, body.note)


@routes.post("/grid-cases/<case_id>/send-back", who=Who.STAFF, errors=[WrongState])
async def send_back_case(caller: Caller, case_id: Id, body: WithReason) -> CaseView:
    """核查不通过，退回继续处置，时限不变"""
    return await checking.send_back_case(caller.person_id, case_id, body.reason)


@routes.post("/grid-cases/<case_id>/file-again", who=Who.STAFF, errors=[WrongState])
async def file_case_again(caller: Caller, case_id: Id, body: WithReason) -> CaseView:
    """重新立案：没有解决的，或原先不予受理的"""
    return await checking.file_case_again(caller.person_id, case_id, body.reason)


class CreateCasePartner(NewPartner, forbid_unknown_fields=True):
    pass


@routes.post("/case-partners", who=Who.STAFF, status=201, errors=[WrongState])
async def create_case_partner(caller: Caller, body: CreateCasePartner) -> PartnerCreated:
    """接入其他平台（管理员）

    凭 key 按 Open311 GeoReport v2 读取和提交事项；key 和 secret 只在此时给出一次。
    """
    return await partners.create_partner(caller.person_id, body)


@routes.get("/case-partners", who=Who.STAFF)
async def list_case_partners(caller: Caller, query: OfOrganization) -> list[PartnerView]:
    """已接入的平台（管理员）"""
    return await partners.list_partners(caller.person_id, query.organization_id)


@routes.delete("/case-partners/<partner_id>", who=Who.STAFF)
async def end_case_partner(caller: Caller, partner_id: Id) -> None:
    """停止接入（管理员）"""
    await partners.end_partner(caller.person_id, partner_id)


class CaseFiguresQuery(Strict):
    organization_id: Id
    since: date | None = None
    until: date | None = None
    """Days, both included, in which the cases were reported; by default the year so far."""


@routes.get("/grid-cases/figures", who=Who.STAFF)
async def get_case_figures(caller: Caller, query: CaseFiguresQuery) -> CaseFigures:
    """辖区网格事项统计

    答复、解决、满意各率都给出分子、分母和未计入的数量；各环节按时情况、返工、延期、重新办理和未办结的时长。
    """
    return await figures.get_case_figures(caller.person_id, query.organization_id, query.since, query.until)


@routes.get("/grid-cases/figures/categories", who=Who.STAFF)
async def list_case_figures_by_category(caller: Caller, query: CaseFiguresQuery) -> list[CategoryFigures]:
    """各类别的网格事项统计"""
    return await figures.list_category_figures(caller.person_id, query.organization_id, query.since, query.until)


@routes.get("/grid-cases/figures/grids", who=Who.STAFF)
async def list_case_figures_by_grid(caller: Caller, query: CaseFiguresQuery) -> list[GridFigures]:
    """各网格的网格事项统计"""
    return await figures.list_grid_figures(caller.person_id, query.organization_id, query.since, query.until)


@routes.get("/grid-cases/figures/places", who=Who.STAFF)
async def list_repeat_places(caller: Caller, query: CaseFiguresQuery) -> list[RepeatPlace]:
    """反复发生的地点：百米左右范围内同类事项三件以上，最多的在前"""
    return await figures.list_repeat_places(caller.person_id, query.organization_id, query.since, query.until)
