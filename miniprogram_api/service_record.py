"""服务记录 service record, 积分 points and the ranking."""

from miniprogram_api.fields import Strict, TextVersion
from miniprogram_api.routing import Routes
from server.accounts.sessions import Caller
from server.foundation.errors import NotFound
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery
from server.service_record import queries, ranking, rule_book
from server.service_record.queries import ServiceEntryView, ServiceTotals, TotalsQuery
from server.service_record.ranking import Ranking, RankingChoice, RankingQuery
from server.service_record.rule_book import RuleView

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


@routes.get("/points/rules")
async def list_service_rules() -> list[RuleView]:
    """现行积分规则"""
    return await rule_book.list_service_rules()


@routes.get("/rankings", errors=[NotFound])
async def show_ranking(caller: Caller, query: RankingQuery) -> Ranking:
    """网格、社区或单位的服务排行

    只列出同意展示的人；只计算人人都能参加的服务。
    """
    return await ranking.show_ranking(caller.person_id, query)


@routes.get("/me/ranking")
async def get_my_ranking_choice(caller: Caller) -> RankingChoice:
    """我是否在排行中展示"""
    return await ranking.get_ranking_choice(caller.person_id)


class ShowInRanking(Strict):
    """`text_version` of the text that the person agreed to; grid and unit as they say themselves."""

    text_version: TextVersion
    grid_id: Id | None = None
    unit_id: Id | None = None


@routes.put("/me/ranking")
async def show_in_ranking(caller: Caller, body: ShowInRanking) -> RankingChoice:
    """同意在排行中展示"""
    return await ranking.show_in_ranking(
        caller.person_id, text_version=body.text_version, grid_id=body.grid_id, unit_id=body.unit_id
    )


@routes.delete("/me/ranking")
async def leave_ranking(caller: Caller) -> None:
    """不再在排行中展示"""
    await ranking.leave_ranking(caller.person_id)
