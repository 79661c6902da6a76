"""社区公告 announcements."""

from miniprogram_api.routing import Routes, Who
from server.accounts.sessions import Caller
from server.accounts.sharing import SharedCard
from server.announcements import queries
from server.announcements.queries import AnnouncementCard, AnnouncementView
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery

routes = Routes("消息 notifications")


@routes.get("/announcements", may_lag=True)
async def list_board(caller: Caller, query: PageQuery) -> Page[AnnouncementCard]:
    """公告栏

    本人所在社区及其上级已发布的公告，最新的在前；之后才搬来的居民也能看到。
    """
    return await queries.list_announcements(caller.person_id, query)


@routes.get("/announcements/<announcement_id>")
async def show_announcement(caller: Caller, announcement_id: Id) -> AnnouncementView:
    """公告内容

    收到通知的人，以及公告栏上有这条公告的居民可以查看。
    """
    return await queries.get_announcement(caller.person_id, announcement_id)


@routes.get("/announcements/<announcement_id>/shared", who=Who.ANYONE)
async def show_shared_announcement(caller: Caller | None, announcement_id: Id) -> SharedCard:
    """分享链接打开的公告卡片

    任何人都可查看。`why` 和 `advice` 说明还差什么、怎么办。
    """
    return await queries.show_shared_announcement(caller.person_id if caller else None, announcement_id)
