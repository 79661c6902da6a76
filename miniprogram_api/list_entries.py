"""三张清单: what is open, for everybody."""

from miniprogram_api.routing import Routes
from server.accounts.sessions import Caller
from server.co_building.lists import queries
from server.co_building.lists.models import ListKind
from server.co_building.lists.queries import EntryCard, EntryView
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery

routes = Routes("共建清单 lists")


class OpenEntries(PageQuery, kw_only=True):
    organization_id: Id
    kind: ListKind | None = None


@routes.get("/list-entries")
async def list_open_entries(caller: Caller, query: OpenEntries) -> Page[EntryCard]:  # noqa: ARG001
    """社区（街道、单位）公开的需求、资源和项目清单，最新的在前"""
    return await queries.list_open_entries(query.organization_id, query.kind, query)


@routes.get("/list-entries/<entry_id>")
async def get_list_entry(caller: Caller, entry_id: Id) -> EntryView:
    """清单中的一条"""
    return await queries.get_entry(caller.person_id, entry_id)
