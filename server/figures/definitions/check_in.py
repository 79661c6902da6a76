"""双报到: check-ins, units, posts, floating members, half-year reports. None of them tells who is a member."""

from server.figures.definitions.definition import MOMENT, MOMENT_DAY, Better, Definition, Kind

_MEMBER = ("membership", "name")

DEFINITIONS = (
    Definition(
        code="check_ins",
        words="新增报到",
        unit="次",
        what_counts="当月提交的党员报到",
        leaves_out="本人撤回的、社区不接受的",
        source="党员报到",
        about_people=True,
        subject=_MEMBER,
        sql="SELECT c.id, c.membership_id AS subject_id, c.community_id AS organization_id, c.applied_at AS at, "
        "(c.state NOT IN ('withdrawn', 'refused'))::int AS numerator, 0 AS denominator, "
        "(c.state IN ('withdrawn', 'refused'))::int AS excluded FROM check_in c",
    ),
    Definition(
        code="check_ins_confirmed",
        words="确认报到",
        unit="次",
        what_counts="当月由社区确认的党员报到",
        source="党员报到",
        about_people=True,
        subject=_MEMBER,
        sql="SELECT c.id, c.membership_id AS subject_id, c.community_id AS organization_id, c.decided_at AS at, "
        "1 AS numerator, 0 AS denominator, 0 AS excluded FROM check_in c "
        "WHERE c.state IN ('confirmed', 'ended') AND c.decided_at IS NOT NULL",
    ),
    Definition(
        code="check_in_hours",
        words="报到确认用时",
        unit="小时",
        what_counts="当月确认的报到，从提交到确认的平均用时",
        source="党员报到",
        kind=Kind.MEAN,
        better=Better.LESS,
        scale=60,
        about_people=True,
        subject=_MEMBER,
        sql="SELECT c.id, c.membership_id AS subject_id, c.community_id AS organization_id, c.decided_at AS at, "
        "floor(EXTRACT(epoch FROM c.decided_at - c.applied_at) / 60)::int AS numerator, 1 AS denominator, "
        "0 AS excluded FROM check_in c WHERE c.state IN ('confirmed', 'ended') AND c.decided_at IS NOT NULL",
    ),
    Definition(
        code="check_ins_overdue",
        words="超过 3 天未确认的报到",
        unit="%",
        what_counts="月末（本月为现在）待确认的报到中，已等了 3 天以上的",
        source="党员报到",
        kind=Kind.SHARE,
        better=Better.LESS,
        is_state=True,
        about_people=True,
        subject=_MEMBER,
        sql="SELECT c.id, c.membership_id AS subject_id, c.community_id AS organization_id, c.applied_at AS at, "
        f"(c.applied_at < {MOMENT} - interval '3 days')::int AS numerator, 1 AS denominator, 0 AS excluded "
        f"FROM check_in c WHERE c.applied_at < {MOMENT} AND (c.state = 'applied' OR c.decided_at >= {MOMENT})",
    ),
    Definition(
        code="units_paired",
        words="结对共建单位",
        unit="个",
        what_counts="月末（本月为现在）仍有效的单位报到",
        source="单位报到",
        is_state=True,
        subject=("unit_check_in", "unit"),
        sql="SELECT u.id, u.id AS subject_id, u.area_id AS organization_id, "
        "COALESCE(u.decided_at, u.applied_at) AS at, 1 AS numerator, 0 AS denominator, 0 AS excluded "
        "FROM unit_check_in u WHERE u.state IN ('accepted', 'ended') "
        f"AND u.starts_on <= {MOMENT_DAY} AND (u.ends_on IS NULL OR u.ends_on >= {MOMENT_DAY}) "
        f"AND (u.ended_at IS NULL OR u.ended_at >= {MOMENT})",
    ),
    Definition(
        code="posts_filled",
        words="岗位在岗率",
        unit="%",
        what_counts="月末（本月为现在）岗位名额中有人在岗的",
        leaves_out="任期未开始或已结束的岗位",
        source="岗位",
        kind=Kind.SHARE,
        is_state=True,
        about_people=True,
        subject=("post", "title"),
        sql="SELECT p.id, p.id AS subject_id, p.community_id AS organization_id, p.created_at AS at, "
        "(SELECT count(*) FROM post_holding h WHERE h.post_id = p.id AND h.state IN ('held', 'left', 'ended') "
        f"AND h.decided_at < {MOMENT} AND (h.ended_at IS NULL OR h.ended_at >= {MOMENT})) AS numerator, "
        "a.capacity AS denominator, 0 AS excluded FROM post p JOIN allotment a ON a.id = p.allotment_id "
        f"WHERE p.state <> 'ended' AND p.term_starts_on <= {MOMENT_DAY} "
        f"AND (p.term_ends_on IS NULL OR p.term_ends_on >= {MOMENT_DAY})",
    ),
    Definition(
        code="posts_served",
        words="岗位履职",
        unit="人次",
        what_counts="当月在岗满足时间、记入履职的人次",
        source="岗位履职",
        is_told_late=True,
        about_people=True,
        subject=("post_month", "title"),
        sql="SELECT m.id, m.id AS subject_id, p.community_id AS organization_id, "
        "((m.month || '-01')::date + interval '1 month' - interval '1 second') AT TIME ZONE 'Asia/Shanghai' AS at, "
        "m.credited_at AS known, 1 AS numerator, 0 AS denominator, 0 AS excluded FROM post_month m "
        "JOIN post_holding h ON h.id = m.holding_id JOIN post p ON p.id = h.post_id WHERE m.credited_at IS NOT NULL",
    ),
    Definition(
        code="floating_overdue",
        words="流动党员逾期未联系",
        unit="%",
        what_counts="月末（本月为现在）在册流动党员中，已过应联系时间的",
        source="流动党员联系记录",
        kind=Kind.SHARE,
        better=Better.LESS,
        is_state=True,
        about_people=True,
        subject=_MEMBER,
        sql="SELECT m.id, m.id AS subject_id, m.community_id AS organization_id, m.created_at AS at, "
        f"(m.contact_due_at < {MOMENT})::int AS numerator, 1 AS denominator, 0 AS excluded FROM membership m "
        f"WHERE m.kind = 'floating' AND m.ended_at IS NULL AND m.contact_due_at IS NOT NULL "
        f"AND m.created_at < {MOMENT}",
    ),
    Definition(
        code="reports_sent",
        words="半年反馈送出",
        unit="份",
        what_counts="当月反馈给所属党组织的半年报告",
        source="半年反馈",
        about_people=True,
        subject=("half_year_report", "period"),
        sql="SELECT r.id, r.id AS subject_id, r.community_id AS organization_id, r.released_at AS at, 1 AS numerator, "
        "0 AS denominator, 0 AS excluded FROM half_year_report r WHERE r.released_at IS NOT NULL",
    ),
    Definition(
        code="reports_acknowledged",
        words="半年反馈签收",
        unit="份",
        what_counts="当月由所属党组织签收的半年报告",
        source="半年反馈",
        about_people=True,
        subject=("half_year_report", "period"),
        sql="SELECT r.id, r.id AS subject_id, r.community_id AS organization_id, r.acknowledged_at AS at, "
        "1 AS numerator, 0 AS denominator, 0 AS excluded FROM half_year_report r WHERE r.acknowledged_at IS NOT NULL",
    ),
    Definition(
        code="reports_overdue",
        words="半年评价逾期",
        unit="%",
        what_counts="月末（本月为现在）尚未反馈的半年报告中，生成已满 28 天的",
        source="半年反馈",
        kind=Kind.SHARE,
        better=Better.LESS,
        is_state=True,
        about_people=True,
        subject=("half_year_report", "period"),
        sql="SELECT r.id, r.id AS subject_id, r.community_id AS organization_id, r.frozen_at AS at, "
        f"(r.frozen_at < {MOMENT} - interval '28 days')::int AS numerator, 1 AS denominator, 0 AS excluded "
        f"FROM half_year_report r WHERE r.frozen_at < {MOMENT} "
        f"AND (r.released_at IS NULL OR r.released_at >= {MOMENT})",
    ),
)
