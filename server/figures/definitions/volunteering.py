"""志愿服务 and other activities."""

from server.figures.definitions.definition import MOMENT, Better, Definition, Kind

_SHIFTS = (
    "SELECT s.id, s.id AS subject_id, a.organizer_id AS organization_id, s.ends_at AS at, "
    "(s.state = 'scheduled' AND a.state <> 'cancelled')::int AS numerator, 0 AS denominator, "
    "(s.state <> 'scheduled' OR a.state = 'cancelled')::int AS excluded FROM shift s "
    "JOIN activity a ON a.id = s.activity_id WHERE a.published_at IS NOT NULL"
)

DEFINITIONS = (
    Definition(
        code="shifts",
        words="活动场次",
        unit="场",
        what_counts="当月结束的活动场次（志愿服务、主题党日、大课堂、社区活动）",
        leaves_out="已取消的",
        source="活动",
        subject=("shift", "title"),
        sql=_SHIFTS,
    ),
    Definition(
        code="party_days",
        words="主题党日",
        unit="场",
        what_counts="当月结束的主题党日",
        leaves_out="已取消的",
        source="活动",
        subject=("shift", "title"),
        sql=_SHIFTS + " AND a.kind = 'party_day'",
    ),
    Definition(
        code="attendances",
        words="参加人次",
        unit="人次",
        what_counts="当月签到参加活动的人次，计入主办社区",
        source="活动签到",
        is_told_late=True,
        subject=("sign_up", "title"),
        sql="SELECT t.id, t.sign_up_id AS subject_id, a.organizer_id AS organization_id, t.sign_in_at AS at, "
        "GREATEST(t.created_at, t.sign_in_at) AS known, 1 AS numerator, 0 AS denominator, 0 AS excluded "
        "FROM attendance t JOIN sign_up u ON u.id = t.sign_up_id JOIN shift s ON s.id = u.shift_id "
        "JOIN activity a ON a.id = s.activity_id",
    ),
    Definition(
        code="shift_use",
        words="活动满员率",
        unit="%",
        what_counts="当月结束的场次中，名额有人到场的",
        leaves_out="已取消的场次",
        source="活动、签到",
        kind=Kind.SHARE,
        is_told_late=True,
        subject=("shift", "title"),
        sql="SELECT s.id, s.id AS subject_id, a.organizer_id AS organization_id, s.ends_at AS at, "
        "GREATEST(s.ends_at, s.closed_at) AS known, (SELECT count(*) FROM sign_up u "
        "JOIN attendance t ON t.sign_up_id = u.id WHERE u.shift_id = s.id) AS numerator, "
        "(SELECT COALESCE(sum(l.capacity), 0) FROM shift_role r JOIN allotment l ON l.id = r.allotment_id "
        "WHERE r.shift_id = s.id) AS denominator, 0 AS excluded FROM shift s JOIN activity a ON a.id = s.activity_id "
        "WHERE s.state = 'scheduled' AND a.state <> 'cancelled' AND s.closed_at IS NOT NULL",
    ),
    Definition(
        code="service_hours",
        words="服务时长",
        unit="小时",
        what_counts="当月服务的时长（按服务记录，冲销的减去），计入服务时所在社区",
        source="服务记录",
        scale=60,
        is_told_late=True,
        subject=("person", "name"),
        sql="SELECT e.id, e.person_id AS subject_id, e.organization_id, e.occurred_at AS at, e.created_at AS known, "
        "e.minutes AS numerator, 0 AS denominator, 0 AS excluded FROM service_entry e "
        "WHERE e.minutes <> 0 AND e.organization_id IS NOT NULL",
    ),
    Definition(
        code="hours_waiting",
        words="时长待审批超过 7 天",
        unit="%",
        what_counts="月末（本月为现在）待审批的服务时长中，已等了 7 天以上的",
        source="服务时长",
        kind=Kind.SHARE,
        better=Better.LESS,
        is_state=True,
        subject=("hours", "title"),
        sql="SELECT h.id, h.id AS subject_id, h.organization_id, h.created_at AS at, "
        f"(h.created_at < {MOMENT} - interval '7 days')::int AS numerator, 1 AS denominator, 0 AS excluded "
        f"FROM hours h WHERE h.state = 'waiting' AND h.created_at < {MOMENT}",
    ),
)
