"""服务记录 service record."""

from miniprogram_api.routing import Routes
from server.accounts.sessions import Caller
from server.pages import Page, PageQuery
from server.service_record import queries
from server.service_record.queries import ServiceEntryView, ServiceTotals, TotalsQuery

routes = Routes("服务记录 service record")


@routes.get("/me/service-record")
async def list_my_service(caller: Caller, query: PageQuery) -> Page[ServiceEntryView]:
    """我的服务记录

    每一条都注明来源；冲正记录单独成行。
    """
    return await queries.list_service(caller.person_id, query)


@routes.get("/me/service-record/totals")
async def get_my_service_totals(caller: Caller, query: TotalsQuery) -> ServiceTotals:
    """我的服务时长与积分合计"""
    return await queries.service_totals(caller.person_id, query.since, query.until)
