"""邻里中心: bookings, counters, complaints, the three zeros."""

from server.figures.definitions.definition import MOMENT, Better, Definition, Kind
from server.neighbor_center.venues.queries import FIFTEEN_MINUTES_METERS, METERS_PER_DEGREE, meters_between

_SLOT_BOOKINGS = (
    "FROM booking b JOIN place p ON p.id = b.place_id JOIN slot t ON t.id = b.slot_id "
    "JOIN service s ON s.id = t.service_id JOIN venue v ON v.id = s.venue_id"
)
_ROOM_BOOKINGS = "FROM room_booking b JOIN service s ON s.id = b.service_id JOIN venue v ON v.id = s.venue_id"
_CAME = "b.starts_at AS at, GREATEST(b.starts_at, b.settled_at, b.arrived_at) AS known"
_COMPLAINTS = "FROM complaint c JOIN venue v ON v.id = c.venue_id"
_COMPLAINT = ("complaint", "venue")
_BOOKING = ("organization", "name")
_DEGREES = FIFTEEN_MINUTES_METERS / METERS_PER_DEGREE
_NEAR = (
    "SELECT 1 FROM venue v WHERE v.state = 'open' "
    f"AND v.location <@ box(point(b.location[0] - {_DEGREES} / cos(radians(b.location[1])), "
    f"b.location[1] - {_DEGREES}), point(b.location[0] + {_DEGREES} / cos(radians(b.location[1])), "
    f"b.location[1] + {_DEGREES})) AND {meters_between('v.location', 'b.location')} <= {FIFTEEN_MINUTES_METERS}"
)

DEFINITIONS = (
    Definition(
        code="bookings",
        words="预约",
        unit="次",
        what_counts="时间在当月的服务和活动室预约",
        leaves_out="已取消的、未通过的、候补未排上的",
        source="邻里中心预约",
        subject=_BOOKING,
        sql="SELECT b.id, v.organization_id AS subject_id, v.organization_id, b.starts_at AS at, "
        "(p.state IN ('confirmed', 'attended', 'no_show'))::int AS numerator, 0 AS denominator, "
        f"(p.state NOT IN ('confirmed', 'attended', 'no_show'))::int AS excluded {_SLOT_BOOKINGS} "
        "UNION ALL SELECT b.id, v.organization_id, v.organization_id, b.starts_at, "
        "(b.state IN ('booked', 'attended', 'no_show'))::int, 0, "
        f"(b.state NOT IN ('booked', 'attended', 'no_show'))::int {_ROOM_BOOKINGS}",
    ),
    Definition(
        code="visits",
        words="到场人次",
        unit="人次",
        what_counts="当月预约后到场的人次，同行的都计",
        source="邻里中心预约",
        is_told_late=True,
        subject=_BOOKING,
        sql=f"SELECT b.id, v.organization_id AS subject_id, v.organization_id, {_CAME}, b.party_size AS numerator, "
        f"0 AS denominator, 0 AS excluded {_SLOT_BOOKINGS} WHERE p.state = 'attended' "
        f"UNION ALL SELECT b.id, v.organization_id, v.organization_id, {_CAME}, b.party_size, 0, 0 {_ROOM_BOOKINGS} "
        "WHERE b.state = 'attended'",
    ),
    Definition(
        code="no_shows",
        words="爽约率",
        unit="%",
        what_counts="当月到了时间的预约中，没有来的",
        leaves_out="已取消的",
        source="邻里中心预约",
        kind=Kind.SHARE,
        better=Better.LESS,
        is_told_late=True,
        subject=_BOOKING,
        sql=f"SELECT b.id, v.organization_id AS subject_id, v.organization_id, {_CAME}, "
        f"(p.state = 'no_show')::int AS numerator, 1 AS denominator, 0 AS excluded {_SLOT_BOOKINGS} "
        "WHERE p.state IN ('attended', 'no_show') "
        f"UNION ALL SELECT b.id, v.organization_id, v.organization_id, {_CAME}, (b.state = 'no_show')::int, 1, 0 "
        f"{_ROOM_BOOKINGS} WHERE b.state IN ('attended', 'no_show')",
    ),
    Definition(
        code="walk_ins",
        words="现场预约占比",
        unit="%",
        what_counts="当月到场的预约中，在现场由工作人员办的",
        source="邻里中心预约",
        kind=Kind.SHARE,
        better=Better.NEITHER,
        is_told_late=True,
        subject=_BOOKING,
        sql=f"SELECT b.id, v.organization_id AS subject_id, v.organization_id, {_CAME}, b.walk_in::int AS numerator, "
        f"1 AS denominator, 0 AS excluded {_SLOT_BOOKINGS} WHERE p.state = 'attended' "
        f"UNION ALL SELECT b.id, v.organization_id, v.organization_id, {_CAME}, b.walk_in::int, 1, 0 {_ROOM_BOOKINGS} "
        "WHERE b.state = 'attended'",
    ),
    Definition(
        code="slot_use",
        words="时段使用率",
        unit="%",
        what_counts="当月有人约过的时段，名额中被约的",
        leaves_out="从未有人约过的时段（邻里中心利用率里有）",
        source="邻里中心预约",
        kind=Kind.SHARE,
        better=Better.MORE,
        subject=_BOOKING,
        sql="SELECT t.id, v.organization_id AS subject_id, v.organization_id, t.starts_at AS at, l.taken AS numerator, "
        "l.capacity AS denominator, 0 AS excluded FROM slot t JOIN allotment l ON l.id = t.allotment_id "
        "JOIN service s ON s.id = t.service_id JOIN venue v ON v.id = s.venue_id",
    ),
    Definition(
        code="counter_minutes",
        words="窗口等候时间",
        unit="分钟",
        what_counts="当月叫到的号，从取号到叫号的平均分钟数",
        leaves_out="没有叫到的号",
        source="窗口取号",
        kind=Kind.MEAN,
        better=Better.LESS,
        subject=_BOOKING,
        sql="SELECT k.id, v.organization_id AS subject_id, v.organization_id, k.called_at AS at, "
        "floor(EXTRACT(epoch FROM k.called_at - k.created_at) / 60)::int AS numerator, 1 AS denominator, "
        "0 AS excluded FROM queue_ticket k JOIN service s ON s.id = k.service_id JOIN venue v ON v.id = s.venue_id "
        "WHERE k.called_at IS NOT NULL",
    ),
    Definition(
        code="booking_stars",
        words="邻里中心满意度",
        unit="星",
        what_counts="当月预约评价的平均星级",
        source="邻里中心评价",
        kind=Kind.MEAN,
        subject=_BOOKING,
        sql="SELECT r.id, v.organization_id AS subject_id, v.organization_id, r.created_at AS at, "
        "r.stars AS numerator, 1 AS denominator, 0 AS excluded FROM booking_rating r "
        "JOIN service s ON s.id = r.service_id JOIN venue v ON v.id = s.venue_id",
    ),
    Definition(
        code="complaints",
        words="意见",
        unit="件",
        what_counts="当月收到的意见",
        source="意见",
        better=Better.NEITHER,
        subject=_COMPLAINT,
        sql="SELECT c.id, c.id AS subject_id, v.organization_id, c.created_at AS at, 1 AS numerator, "
        f"0 AS denominator, 0 AS excluded {_COMPLAINTS}",
    ),
    Definition(
        code="complaints_in_time",
        words="意见按时答复率",
        unit="%",
        what_counts="答复期限在当月的意见中，按时答复的",
        leaves_out="期限未到的",
        source="意见",
        kind=Kind.SHARE,
        subject=_COMPLAINT,
        sql="SELECT c.id, c.id AS subject_id, v.organization_id, c.answer_by AS at, "
        "COALESCE(c.answered_at <= c.answer_by, false)::int AS numerator, 1 AS denominator, 0 AS excluded "
        f"{_COMPLAINTS}",
    ),
    Definition(
        code="complaints_upheld",
        words="零差错：成立的意见",
        unit="件",
        what_counts="当月答复的意见中，确认工作有误的",
        leaves_out="不成立的",
        source="意见",
        better=Better.LESS,
        subject=_COMPLAINT,
        sql="SELECT c.id, c.id AS subject_id, v.organization_id, c.answered_at AS at, c.is_upheld::int AS numerator, "
        f"0 AS denominator, (NOT c.is_upheld)::int AS excluded {_COMPLAINTS} WHERE c.answered_at IS NOT NULL",
    ),
    Definition(
        code="complaints_overdue",
        words="零积压：逾期未答复的意见",
        unit="件",
        what_counts="月末（本月为现在）已过期限仍未答复的意见",
        source="意见",
        better=Better.LESS,
        is_state=True,
        subject=_COMPLAINT,
        sql="SELECT c.id, c.id AS subject_id, v.organization_id, c.created_at AS at, 1 AS numerator, "
        f"0 AS denominator, 0 AS excluded {_COMPLAINTS} WHERE c.answer_by < {MOMENT} "
        f"AND (c.answered_at IS NULL OR c.answered_at >= {MOMENT})",
    ),
    Definition(
        code="coverage",
        words="零距离：十五分钟圈覆盖率",
        unit="%",
        what_counts="月末（本月为现在）有坐标的楼栋中，步行十五分钟内有开放场馆的",
        leaves_out="没有坐标的楼栋",
        source="组织、场馆",
        kind=Kind.SHARE,
        is_state=True,
        subject=("organization", "name"),
        sql="SELECT b.id, b.id AS subject_id, b.parent_id AS organization_id, b.created_at AS at, "
        f"(b.location IS NOT NULL AND EXISTS ({_NEAR}))::int AS numerator, "
        "(b.location IS NOT NULL)::int AS denominator, (b.location IS NULL)::int AS excluded "
        "FROM organization b WHERE b.level = 'building' AND b.closed_at IS NULL "
        f"AND b.created_at < {MOMENT}",
    ),
)
