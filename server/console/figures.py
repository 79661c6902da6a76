"""Pictures of what happened: each chart stands beside the table that it is drawn from."""

from datetime import date, timedelta
from typing import Any

from sanic.response import HTTPResponse

from server.console.rendering import render
from server.console.visits import Visit
from server.console.work import choose_venue
from server.foundation.dates import today
from server.foundation.errors import InvalidFields

RED, GOLD, GREEN, GREY = "#b3241f", "#d9a441", "#2f8257", "#cfc6ba"
_TEXT = {"color": "#4a433c", "fontFamily": "inherit"}
DAYS = 30


async def show_figures(visit: Visit) -> HTTPResponse:
    """Wishes, the neighbor centers and the three zeros 三零 of where one works, over a period."""
    return render(visit.request, "figures.html", visit=visit, **await gather(visit, *period_of(visit)))


async def gather(visit: Visit, since: date, until: date) -> dict[str, Any]:
    """What the pages of figures show, and the charts that are drawn of it."""
    here = await visit.area()
    span = {"since": since.isoformat(), "until": until.isoformat()}
    days = {"first_day": since.isoformat(), "last_day": until.isoformat()}
    wishes = await visit.perform("get_wish_figures", {}, {"organization_id": here.id, **span})
    communities = (
        await visit.perform("list_wish_figures", {}, {"organization_id": here.id, "limit": "30", **span})
    ).items
    zeros = await visit.perform("get_three_zeros", {"organization_id": here.id}, days)
    chosen, venues = await choose_venue(visit)
    use = await visit.perform("get_utilization", {"venue_id": chosen}, days) if chosen else None
    return {
        "here": here,
        "since": since,
        "until": until,
        "wishes": wishes,
        "communities": communities,
        "zeros": zeros,
        "venues": venues,
        "venue_id": chosen,
        "use": use,
        "funnel": wish_funnel(wishes),
        "comparison": comparison(communities),
        "heat": use_by_hour(use) if use else None,
        "coverage": coverage(zeros.distance) if zeros.distance.located else None,
    }


def period_of(visit: Visit) -> tuple[date, date]:
    """What was asked for, or the last thirty days. Raises InvalidFields."""
    last = today()
    try:
        since = date.fromisoformat(visit.request.args.get("since") or (last - timedelta(days=DAYS)).isoformat())
        until = date.fromisoformat(visit.request.args.get("until") or last.isoformat())
    except ValueError:
        raise InvalidFields.of("since", "日期格式不正确") from None
    return since, until


def chart(**options: Any) -> dict[str, Any]:
    """Options that all charts have."""
    return {
        "textStyle": _TEXT,
        "animation": False,
        "tooltip": {"renderMode": "richText"},
        "aria": {"enabled": True},
        **options,
    }


def names_down(names: list[str]) -> dict[str, Any]:
    """The axis of bars below each other, the first on top."""
    return {"type": "category", "inverse": True, "data": names, "axisTick": {"show": False}}


def wish_funnel(figures: Any) -> dict[str, Any]:
    """Published → claimed → fulfilled, as bars below each other."""
    steps = [
        ("发布", figures.published, GOLD),
        ("认领", figures.claimed, "#c8633a"),
        ("实现", figures.fulfilled, RED),
    ]
    return chart(
        grid={"left": 50, "right": 40, "top": 10, "bottom": 30},
        xAxis={"type": "value", "minInterval": 1},
        yAxis=names_down([name for name, _, _ in steps]),
        series=[
            {
                "type": "bar",
                "barMaxWidth": 44,
                "label": {"show": True, "position": "right", "fontSize": 15},
                "data": [
                    {"value": value, "itemStyle": {"color": color, "borderRadius": [0, 6, 6, 0]}}
                    for _, value, color in steps
                ],
            }
        ],
    )


def comparison(communities: list[Any]) -> dict[str, Any]:
    """The communities side by side: published and fulfilled."""
    names = [one.community_name for one in communities]
    bars = (("发布", "published", GOLD), ("实现", "fulfilled", RED))
    return chart(
        legend={"top": 0},
        grid={"left": 110, "right": 20, "top": 34, "bottom": 24},
        xAxis={"type": "value", "minInterval": 1},
        yAxis={"type": "category", "data": names, "inverse": True},
        series=[
            {
                "type": "bar",
                "name": name,
                "barMaxWidth": 14,
                "itemStyle": {"color": color, "borderRadius": [0, 3, 3, 0]},
                "data": [getattr(one, field) for one in communities],
            }
            for name, field, color in bars
        ],
    )


def use_by_hour(use: Any) -> dict[str, Any]:
    """A heat map of what is booked: services by hour, the fuller the darker."""
    services = [service for service in use.services if service.hours]
    hours = sorted({each.hour for service in services for each in service.hours})
    most = max((each.booked for service in services for each in service.hours), default=0) or 1
    return chart(
        grid={"left": 110, "right": 20, "top": 10, "bottom": 30},
        xAxis={"type": "category", "data": [f"{hour}时" for hour in hours], "axisTick": {"show": False}},
        yAxis=names_down([service.service_name for service in services]),
        series=[
            {
                "type": "scatter",
                "symbol": "roundRect",
                "symbolSize": [44, 26],
                "label": {"show": True, "formatter": "{@[2]}"},
                "data": [
                    {
                        "value": [hours.index(each.hour), number, each.booked],
                        "itemStyle": {"color": _shade(each.booked / most)},
                        "label": {"color": "#fff" if each.booked > most / 2 else "#4a433c"},
                    }
                    for number, service in enumerate(services)
                    for each in service.hours
                ],
            }
        ],
    )


def _shade(share: float) -> str:
    """From sand to red."""
    sand, red = (0xF4, 0xEA, 0xDD), (0xB3, 0x24, 0x1F)
    mixed = (round(low + (high - low) * share) for low, high in zip(sand, red, strict=True))
    return "#" + "".join(f"{part:02x}" for part in mixed)


def coverage(distance: Any) -> dict[str, Any]:
    """The share of buildings within the fifteen-minute circle."""
    return chart(
        series=[
            {
                "type": "pie",
                "radius": ["62%", "86%"],
                "label": {"show": False},
                "data": [
                    {"name": "已覆盖", "value": distance.covered, "itemStyle": {"color": GREEN}},
                    {
                        "name": "未覆盖",
                        "value": max(distance.located - distance.covered, 0),
                        "itemStyle": {"color": GREY},
                    },
                ],
            }
        ]
    )
