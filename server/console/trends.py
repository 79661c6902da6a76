"""Figures by month: all of one organization, one of them over time, side by side, among peers, and its rows."""

from typing import Any
from urllib.parse import urlencode

from sanic.response import HTTPResponse

from server.console.figures import GOLD, GREY, RED, chart, names_down
from server.console.rendering import render
from server.console.visits import ROWS, Visit
from server.figures.months import this_month
from server.figures.reading import name_of

BEGUN_WITH = "wishes_posted"
_BARS = 40
"""Organizations that a chart has room for; the table beside it has them all."""


async def show_trends(visit: Visit) -> HTTPResponse:
    """The month's figures, and the chosen one in full."""
    here = await visit.area()
    month, code, asked = _asked(visit)
    figures = await visit.perform("get_figures", {}, {"organization_id": here.id, "month": month})
    series = await visit.perform(
        "get_figure_series", {}, {"organization_id": here.id, "code": code, "last_month": month}
    )
    children = await visit.perform("compare_children", {}, asked)
    peers = await visit.perform("compare_with_peers", {}, asked)
    chosen = next(item for item in figures.items if item.code == code)
    definitions = {each.code: each for each in await visit.perform("list_figure_definitions")}
    return render(
        visit.request,
        "trends.html",
        visit=visit,
        here=here,
        month=month,
        figures=figures,
        chosen=chosen,
        definition=definitions[code],
        series=series,
        children=children,
        peers=peers,
        line=over_time(series),
        bars=side_by_side(children) if children.items else None,
        address=lambda **other: "/console/trends?" + urlencode({"month": month, "code": code} | other),
    )


async def show_figure_rows(visit: Visit) -> HTTPResponse:
    """What a number was counted from."""
    here = await visit.area()
    month, code, asked = _asked(visit)
    rows = await visit.perform("list_figure_rows", {}, asked | {"limit": ROWS} | visit.given("cursor"))
    definitions = {each.code: each for each in await visit.perform("list_figure_definitions")}
    more = urlencode({"month": month, "code": code, "cursor": rows.next_cursor}) if rows.next_cursor else ""
    return render(
        visit.request,
        "figure_rows.html",
        visit=visit,
        here=here,
        month=month,
        definition=definitions[code],
        rows=rows.items,
        more=more,
        back="/console/trends?" + urlencode({"month": month, "code": code}),
    )


def _asked(visit: Visit) -> tuple[str, str, dict[str, Any]]:
    """The month and the figure that are looked at, and both of where one works."""
    month = visit.request.args.get("month") or name_of(this_month())
    code = visit.request.args.get("code") or BEGUN_WITH
    return month, code, {"organization_id": visit.area_id, "month": month, "code": code}


async def export_figures(visit: Visit) -> HTTPResponse:
    """The month as a workbook."""
    here = await visit.area()
    answer: HTTPResponse = await visit.perform(
        "export_figures", {}, {"organization_id": here.id} | visit.given("month")
    )
    return answer


def over_time(series: Any) -> dict[str, Any]:
    """Month by month; the month that is not over stands out, and a gap says that nothing can be told."""
    return chart(
        grid={"left": 56, "right": 20, "top": 16, "bottom": 30},
        xAxis={"type": "category", "data": [item.month for item in series.items], "axisTick": {"show": False}},
        yAxis={"type": "value", "name": series.unit},
        series=[
            {
                "type": "line",
                "name": series.words,
                "symbolSize": 8,
                "lineStyle": {"width": 3, "color": RED},
                "itemStyle": {"color": RED},
                "data": [
                    {"value": item.value, "itemStyle": {"color": GREY if item.is_open else RED}}
                    for item in series.items
                ],
            }
        ],
    )


def side_by_side(children: Any) -> dict[str, Any]:
    """The organizations below, the first forty of them; who has nothing to tell has no bar."""
    shown = children.items[:_BARS]
    return chart(
        grid={"left": 130, "right": 50, "top": 8, "bottom": 24},
        xAxis={"type": "value"},
        yAxis=names_down([item.name for item in shown]),
        series=[
            {
                "type": "bar",
                "name": children.words,
                "barMaxWidth": 16,
                "itemStyle": {"color": GOLD, "borderRadius": [0, 4, 4, 0]},
                "label": {"show": True, "position": "right"},
                "data": [item.value for item in shown],
            }
        ],
    )
