"""What service is worth until a manager says otherwise, and how points are computed."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from server.foundation import clock

VALID_FROM = datetime(2020, 1, 1, tzinfo=UTC)


class DefaultRule(NamedTuple):
    """`for_members`: what only Party members do. It counts in no ranking, or a membership could be read from that."""

    code: str
    name: str
    points_per_event: int = 0
    points_per_hour: int = 0
    for_members: bool = False


DEFAULT_RULES = (
    DefaultRule("wish_fulfilled", "完成微心愿", points_per_event=10),
    DefaultRule("wish_fulfilled_together", "组团完成微心愿", points_per_event=5),
    DefaultRule("shift_attended", "参加志愿服务", points_per_hour=10),
    DefaultRule("party_day_attended", "参加主题党日", points_per_event=10, for_members=True),
    DefaultRule("lecture_attended", "参加党员大课堂", points_per_event=5, for_members=True),
    DefaultRule("event_attended", "参加社区活动", points_per_event=2),
    DefaultRule("check_in_confirmed", "社区报到", points_per_event=5, for_members=True),
    DefaultRule("post_taken", "认领岗位", points_per_event=10, for_members=True),
    DefaultRule("post_served", "岗位履职", points_per_event=5, for_members=True),
    DefaultRule("meeting_attended", "参加会议", points_per_event=5, for_members=True),
    DefaultRule("grid_case_handled", "处置网格事项", points_per_event=2, points_per_hour=10),
    DefaultRule("service_noted", "社区认定的服务", points_per_hour=10),
)
"""Version 1 of each rule; stored as rows when first used, and from then on only the rows count."""

RULES_FOR_MEMBERS = [rule.code for rule in DEFAULT_RULES if rule.for_members]


def points_for(minutes: int, per_event: int, per_hour: int) -> int:
    """Whole points; a started hour counts by its minutes, rounded down."""
    return per_event + per_hour * minutes // 60


def day_and_month(moment: datetime) -> tuple[datetime, datetime, datetime, datetime]:
    """Begin and end of the Shanghai day, then of the Shanghai month, that `moment` lies in."""
    day = clock.shanghai(moment).replace(hour=0, minute=0, second=0, microsecond=0)
    month = day.replace(day=1)
    next_month = (month + timedelta(days=32)).replace(day=1)
    return day, day + timedelta(days=1), month, next_month
