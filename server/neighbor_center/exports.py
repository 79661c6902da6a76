"""A day's bookings, how well a venue is used, and the three zeros, as files."""

from datetime import date
from itertools import chain

from server.foundation.database import fetch_one
from server.foundation.dates import render_date, render_time
from server.foundation.pages import PageQuery
from server.media.files import File
from server.media.spreadsheets import Cell, Column
from server.neighbor_center.bookings.kinds import ROOMS, SLOTS
from server.neighbor_center.bookings.models import BookingState
from server.neighbor_center.bookings.queries import list_day_bookings
from server.neighbor_center.bookings.views import DayBooking, DayRoomBooking
from server.neighbor_center.statistics.three_zeros import get_three_zeros
from server.neighbor_center.statistics.utilization import Use, get_utilization
from server.organizations.exports import days_in_words, export_list, yes

_MOST = 2_000
"""Bookings of a venue's day at most: each person among them is audited."""

_BOOKINGS = (
    Column("开始时间", 22),
    Column("结束时间", 22),
    Column("服务", 20),
    Column("姓名", 12),
    Column("手机号", 16),
    Column("人数", 8),
    Column("状态", 12),
    Column("现场预约", 10),
    Column("到场时间", 22),
    Column("备注", 40),
)
_USE = (
    Column("服务", 24),
    Column("时段", 16),
    Column("单位", 8),
    Column("可预约", 10),
    Column("已预约", 10),
    Column("到场", 10),
    Column("爽约", 10),
    Column("利用率（%）", 12),
)
_ZEROS = (
    Column("三零", 10),
    Column("指标", 30),
    Column("数值", 22),
    Column("单位", 10),
    Column("统计时间", 30),
)


async def export_day_bookings(actor_id: str, venue_id: str, day: date) -> File:
    """What `list_day_bookings` shows of a venue's day, slots and rooms together, in the order of time: observers get
    masked names and no notes. Raises NotFound, NotAllowed, InvalidFields."""
    page = PageQuery(limit=_MOST)
    slots = await list_day_bookings(SLOTS, actor_id, venue_id, day, page=page)
    rooms = await list_day_bookings(ROOMS, actor_id, venue_id, day, page=page)
    found: list[DayBooking | DayRoomBooking] = sorted(
        chain(slots.items, rooms.items), key=lambda booking: (booking.starts_at, booking.id)
    )
    organization_id, venue = await _venue(venue_id)
    return await export_list(
        actor_id,
        organization_id,
        "export_day_bookings",
        "预约名单",
        _BOOKINGS,
        [_booking(each) for each in found],
        at=venue,
        period=render_date(day),
        is_cut=slots.next_cursor is not None or rooms.next_cursor is not None,
    )


async def export_utilization(actor_id: str, venue_id: str, first_day: date, last_day: date) -> File:
    """What `get_utilization` shows: each service in all, and hour by hour. Raises NotFound, NotAllowed,
    InvalidFields."""
    found = await get_utilization(actor_id, venue_id, first_day, last_day)
    organization_id, venue = await _venue(venue_id)
    rows: list[tuple[Cell, ...]] = []
    for service in found.services:
        unit = "分钟" if service.unit == "minutes" else "人次"
        rows.append(_use(service.service_name, "全天", unit, service))
        rows += [
            _use(service.service_name, f"{use.hour:02}:00–{use.hour + 1:02}:00", unit, use) for use in service.hours
        ]
    return await export_list(
        actor_id,
        organization_id,
        "export_utilization",
        "服务利用率",
        _USE,
        rows,
        at=venue,
        period=days_in_words(first_day, last_day),
    )


async def export_three_zeros(actor_id: str, organization_id: str, first_day: date, last_day: date) -> File:
    """What `get_three_zeros` shows, a figure a row, and what each is of: now, or the days asked for. Raises NotFound,
    NotAllowed, InvalidFields."""
    found = await get_three_zeros(actor_id, organization_id, first_day, last_day)
    backlog, distance, mistakes = found.backlog, found.distance, found.mistakes
    now, period = "导出时", days_in_words(first_day, last_day)
    rows: list[tuple[Cell, ...]] = [
        ("零积压", "待答复的预约申请", backlog.requests, "件", now),
        ("零积压", "其中超过答复期限", backlog.overdue_requests, "件", now),
        ("零积压", "待答复的投诉", backlog.complaints, "件", now),
        ("零积压", "其中超过答复期限", backlog.overdue_complaints, "件", now),
        ("零积压", "最早一件的提交时间", render_time(backlog.oldest) if backlog.oldest else "无", "", now),
        ("零距离", "楼栋", distance.buildings, "栋", now),
        ("零距离", "其中有坐标", distance.located, "栋", now),
        ("零距离", "步行十五分钟可达服务场所", distance.covered, "栋", now),
        ("零距离", "覆盖率", _percent(distance.share), "%", now),
        ("零差错", "投诉", mistakes.complaints, "件", period),
        ("零差错", "其中成立", mistakes.upheld, "件", period),
        ("零差错", "到场", mistakes.attended, "人次", period),
        ("零差错", "每千人次成立的投诉", mistakes.upheld_per_thousand, "件", period),
    ]
    return await export_list(
        actor_id, organization_id, "export_three_zeros", "零积压、零距离、零差错", _ZEROS, rows, period=period
    )


def _booking(booking: DayBooking | DayRoomBooking) -> tuple[Cell, ...]:
    return (
        render_time(booking.starts_at),
        render_time(booking.ends_at),
        booking.service_name,
        booking.name,
        booking.phone,
        booking.party_size,
        BookingState(booking.state).word,
        yes(booking.walk_in),
        render_time(booking.arrived_at) if booking.arrived_at else "",
        booking.note,
    )


def _use(name: str, hours: str, unit: str, use: Use) -> tuple[Cell, ...]:
    return (name, hours, unit, use.offered, use.booked, use.attended, use.no_shows, _percent(use.share))


def _percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 2)


async def _venue(venue_id: str) -> tuple[str, str]:
    """Whose it is, and its name."""
    row = await fetch_one("SELECT organization_id, name FROM venue WHERE id = $1", venue_id)
    assert row
    return row["organization_id"], row["name"]
