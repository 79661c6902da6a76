"""社区公告 announcements."""

from miniprogram_api.routing import Routes
from server.accounts.sessions import Caller
from server.announcements import queries
from server.announcements.queries import AnnouncementView
from server.foundation.ids import Id

routes = Routes("消息 notifications")


@routes.get("/announcements/<announcement_id>")
async def show_announcement(caller: Caller, announcement_id: Id) -> AnnouncementView:
    """公告内容

    只有收到通知的人可以查看。
    """
    return await queries.get_announcement(caller.person_id, announcement_id)
