"""工作端：公告: writing announcements, seeing whom they reach, sending them."""

from typing import Annotated

import msgspec

from miniprogram_api.fields import OrganizationPage, Strict, WithVersion
from miniprogram_api.routing import Routes, Who
from server.accounts.sessions import Caller
from server.announcements import actions, queries, sending
from server.announcements.audience import AudienceView
from server.announcements.models import AnnouncementAudience
from server.announcements.queries import StaffAnnouncementView
from server.announcements.sending import AnnouncementText, NobodyToTell, SecondPersonNeeded
from server.foundation.actions import ActionView
from server.foundation.bounds import Version
from server.foundation.errors import EditedMeanwhile, NotFound, WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page
from server.media.uploads.uploading import PictureUnusable

routes = Routes("工作端：公告", prefix="/staff/announcements")


class CreateAnnouncement(Strict):
    organization_id: Annotated[Id, msgspec.Meta(description="in whose name, and whose subtree is told")]
    words: AnnouncementText


class ChangeAnnouncement(Strict):
    version: Version
    words: AnnouncementText


class AudienceQuery(Strict):
    organization_id: Id
    audience: AnnouncementAudience = AnnouncementAudience.RESIDENTS


@routes.post("", who=Who.STAFF, status=201, errors=[NotFound, PictureUnusable])
async def create_announcement(caller: Caller, body: CreateAnnouncement) -> StaffAnnouncementView:
    """新建公告草稿

    可发给社区、街道、区、市或一个网格；网格的公告网格员也可以写。可以核对发送的其他人会收到站内信。
    """
    return await sending.create_announcement(caller.person_id, body.organization_id, body.words)


@routes.get("", who=Who.STAFF, errors=[NotFound])
async def list_announcements(caller: Caller, query: OrganizationPage) -> Page[StaffAnnouncementView]:
    """本组织的公告"""
    return await queries.list_staff_announcements(caller.person_id, query.organization_id, query)


@routes.get("/audience", who=Who.STAFF)
async def preview_audience(caller: Caller, query: AudienceQuery) -> AudienceView:
    """预览将通知多少人

    people 为该范围内收到站内信的人数，on_wechat 为其中还会收到微信消息的人数（已授权且未关闭公告）。
    """
    return await queries.preview_audience(caller.person_id, query.organization_id, query.audience)


@routes.get("/<announcement_id>", who=Who.STAFF)
async def show_announcement_to_staff(caller: Caller, announcement_id: Id) -> StaffAnnouncementView:
    """公告详情和发送进度"""
    return await queries.get_staff_announcement(caller.person_id, announcement_id)


@routes.put("/<announcement_id>", who=Who.STAFF, errors=[EditedMeanwhile, PictureUnusable, WrongState])
async def change_announcement(caller: Caller, announcement_id: Id, body: ChangeAnnouncement) -> StaffAnnouncementView:
    """修改公告草稿"""
    return await sending.change_announcement(caller.person_id, announcement_id, body.version, body.words)


@routes.get("/<announcement_id>/actions", who=Who.STAFF)
async def list_announcement_actions(caller: Caller, announcement_id: Id) -> list[ActionView]:
    """对这份公告能做什么

    修改、发送、撤回；不能做的说明原因，如须由另一人发送。
    """
    return await actions.list_announcement_actions(caller.person_id, announcement_id)


@routes.post(
    "/<announcement_id>/send", who=Who.STAFF, errors=[EditedMeanwhile, NobodyToTell, SecondPersonNeeded, WrongState]
)
async def send_announcement(caller: Caller, announcement_id: Id, body: WithVersion) -> StaffAnnouncementView:
    """发送公告

    须由撰写人以外的工作人员或管理员核对后发送，管理员写的也是；紧急通知只能由管理员发送。
    分批发送，夜间（22 点至 7 点）只推送紧急通知。
    """
    return await sending.send_announcement(caller.person_id, announcement_id, body.version)


@routes.post("/<announcement_id>/withdraw", who=Who.STAFF, errors=[WrongState])
async def withdraw_announcement(caller: Caller, announcement_id: Id) -> StaffAnnouncementView:
    """撤回公告

    尚未通知的不再通知，也不再推送到微信；已收到的在站内信中显示为已撤回。
    """
    return await sending.withdraw_announcement(caller.person_id, announcement_id)
