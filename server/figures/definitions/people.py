"""Residents and volunteers. Each is counted where they live, so that everybody counts once in the whole city."""

from server.figures.definitions.definition import MOMENT, Better, Definition

_LIVES = "p.community_id IS NOT NULL AND p.merged_into_id IS NULL"

DEFINITIONS = (
    Definition(
        code="residents",
        words="登记居民",
        unit="人",
        what_counts="月末（本月为现在）在小程序中属于该社区的人",
        leaves_out="已注销、已合并的",
        source="个人资料",
        better=Better.NEITHER,
        is_state=True,
        about_people=True,
        subject=("person", "name"),
        sql="SELECT p.id, p.id AS subject_id, p.community_id AS organization_id, p.created_at AS at, 1 AS numerator, "
        f"0 AS denominator, 0 AS excluded FROM person p WHERE {_LIVES} AND p.cancelled_at IS NULL "
        f"AND p.closed_at IS NULL AND p.created_at < {MOMENT}",
    ),
    Definition(
        code="residents_active",
        words="活跃居民",
        unit="人",
        what_counts="当月报名、预约、提交或认领过心愿、有服务记录的人，一人计一次，计入所在社区",
        leaves_out="未选社区的",
        source="报名、预约、微心愿、服务记录",
        is_distinct=True,
        about_people=True,
        subject=("person", "name"),
        sql="SELECT p.id, p.id AS subject_id, p.community_id AS organization_id, x.at, 1 AS numerator, "
        "0 AS denominator, 0 AS excluded FROM (SELECT person_id, created_at AS at FROM sign_up "
        "UNION ALL SELECT person_id, created_at FROM booking UNION ALL SELECT person_id, created_at FROM room_booking "
        "UNION ALL SELECT author_id, submitted_at FROM wish WHERE submitted_at IS NOT NULL "
        "UNION ALL SELECT claimer_id, created_at FROM wish_claim "
        "UNION ALL SELECT person_id, created_at FROM service_entry WHERE reversal_of_id IS NULL) x "
        f"JOIN person p ON p.id = x.person_id WHERE {_LIVES}",
    ),
    Definition(
        code="volunteers",
        words="注册志愿者",
        unit="人",
        what_counts="月末（本月为现在）同意志愿者协议的人，计入所在社区",
        leaves_out="未选社区的",
        source="志愿者协议",
        is_state=True,
        about_people=True,
        subject=("person", "name"),
        sql="SELECT p.id, p.id AS subject_id, p.community_id AS organization_id, c.given_at AS at, 1 AS numerator, "
        "0 AS denominator, 0 AS excluded FROM consent c JOIN person p ON p.id = c.person_id "
        f"WHERE {_LIVES} AND p.cancelled_at IS NULL AND c.kind = 'volunteer_terms' AND c.given_at < {MOMENT} "
        f"AND (c.withdrawn_at IS NULL OR c.withdrawn_at >= {MOMENT})",
    ),
    Definition(
        code="volunteers_active",
        words="活跃志愿者",
        unit="人",
        what_counts="当月有服务时长的人，一人计一次，计入所在社区",
        leaves_out="未选社区的；已冲销的时长",
        source="服务记录",
        is_distinct=True,
        is_told_late=True,
        about_people=True,
        subject=("person", "name"),
        sql="SELECT p.id, p.id AS subject_id, p.community_id AS organization_id, e.occurred_at AS at, "
        "e.created_at AS known, 1 AS numerator, 0 AS denominator, 0 AS excluded FROM service_entry e "
        f"JOIN person p ON p.id = e.person_id WHERE {_LIVES} AND e.minutes > 0 AND e.reversal_of_id IS NULL "
        "AND NOT EXISTS (SELECT 1 FROM service_entry r WHERE r.reversal_of_id = e.id)",
    ),
)
