"""How people say things that come from several places: a place once, however often it is in what was written."""


def place_in_full(name: str, where: str) -> str:
    """`阳光邻里中心（和平路 1 号）`; where one has the other in it, it says both: `和平路 1 号阳光邻里中心`."""
    if not where or where in name:
        return name
    return where if name in where else f"{name}（{where}）"


def without_place(title: str, place: str) -> str:
    """A thing's title without the place in front that is told beside it: 阳光邻里中心理发 → 理发."""
    short = title.removeprefix(place).lstrip(" ·:：-—的")
    return short if place and len(short) > 1 else title


def days_to_go(days: int) -> str:
    """How long it is until a day: `今天到期`, `还剩 3 天`, `已过期`."""
    if days < 0:
        return "已过期"
    return f"还剩 {days} 天" if days else "今天到期"
