"""微心愿."""

from server.figures.definitions.definition import MOMENT, Better, Definition, Kind

_WISH = ("wish", "title")
_FULFILLED = (
    "FROM wish w JOIN wish_claim c ON c.wish_id = w.id AND c.state = 'fulfilled' "
    "WHERE w.state = 'fulfilled' AND w.fulfilled_at IS NOT NULL"
)

DEFINITIONS = (
    Definition(
        code="wishes_posted",
        words="心愿发布",
        unit="个",
        what_counts="当月首次上墙的心愿",
        leaves_out="草稿、未通过的；退回后再次上墙的不重复计",
        source="微心愿",
        subject=_WISH,
        sql="SELECT w.id, w.id AS subject_id, w.community_id AS organization_id, w.first_published_at AS at, "
        "1 AS numerator, 0 AS denominator, 0 AS excluded FROM wish w WHERE w.first_published_at IS NOT NULL",
    ),
    Definition(
        code="wishes_claimed",
        words="心愿认领",
        unit="个",
        what_counts="当月首次有人认领的心愿",
        source="微心愿",
        subject=_WISH,
        sql="SELECT w.id, w.id AS subject_id, w.community_id AS organization_id, w.first_claimed_at AS at, "
        "1 AS numerator, 0 AS denominator, 0 AS excluded FROM wish w WHERE w.first_claimed_at IS NOT NULL",
    ),
    Definition(
        code="wishes_fulfilled",
        words="心愿实现",
        unit="个",
        what_counts="当月完成、并经许愿人或社区确认的心愿，计入完成之月",
        leaves_out="已报告完成、尚未确认的",
        source="微心愿",
        is_told_late=True,
        subject=_WISH,
        sql="SELECT w.id, w.id AS subject_id, w.community_id AS organization_id, w.fulfilled_at AS at, "
        "GREATEST(w.fulfilled_at, c.confirmed_at) AS known, 1 AS numerator, 0 AS denominator, 0 AS excluded "
        + _FULFILLED,
    ),
    Definition(
        code="wish_days_to_claim",
        words="心愿认领用时",
        unit="天",
        what_counts="当月首次认领的心愿，从上墙到认领的平均天数",
        source="微心愿",
        kind=Kind.MEAN,
        better=Better.LESS,
        scale=1440,
        subject=_WISH,
        sql="SELECT w.id, w.id AS subject_id, w.community_id AS organization_id, w.first_claimed_at AS at, "
        "floor(EXTRACT(epoch FROM w.first_claimed_at - w.first_published_at) / 60)::int AS numerator, "
        "1 AS denominator, 0 AS excluded FROM wish w "
        "WHERE w.first_claimed_at IS NOT NULL AND w.first_published_at IS NOT NULL",
    ),
    Definition(
        code="wish_days_to_fulfil",
        words="心愿实现用时",
        unit="天",
        what_counts="当月实现的心愿，从上墙到完成的平均天数",
        source="微心愿",
        kind=Kind.MEAN,
        better=Better.LESS,
        scale=1440,
        is_told_late=True,
        subject=_WISH,
        sql="SELECT w.id, w.id AS subject_id, w.community_id AS organization_id, w.fulfilled_at AS at, "
        "GREATEST(w.fulfilled_at, c.confirmed_at) AS known, "
        "floor(EXTRACT(epoch FROM w.fulfilled_at - w.first_published_at) / 60)::int AS numerator, "
        f"1 AS denominator, 0 AS excluded {_FULFILLED} AND w.first_published_at IS NOT NULL",
    ),
    Definition(
        code="wishes_unclaimed",
        words="上墙 7 天无人认领的心愿",
        unit="%",
        what_counts="月末（本月为现在）墙上待认领的心愿中，上墙已满 7 天的",
        source="微心愿",
        kind=Kind.SHARE,
        better=Better.LESS,
        is_state=True,
        subject=_WISH,
        sql="SELECT w.id, w.id AS subject_id, w.community_id AS organization_id, w.published_at AS at, "
        f"(w.published_at < {MOMENT} - interval '7 days')::int AS numerator, 1 AS denominator, 0 AS excluded "
        f"FROM wish w WHERE w.state = 'published' AND w.published_at < {MOMENT}",
    ),
    Definition(
        code="wish_stars",
        words="心愿满意度",
        unit="星",
        what_counts="当月确认实现的心愿中，许愿人评价的平均星级",
        leaves_out="没有评价的",
        source="微心愿",
        kind=Kind.MEAN,
        subject=_WISH,
        sql="SELECT w.id, w.id AS subject_id, w.community_id AS organization_id, c.confirmed_at AS at, "
        "COALESCE(c.rating, 0) AS numerator, (c.rating IS NOT NULL)::int AS denominator, "
        f"(c.rating IS NULL)::int AS excluded {_FULFILLED} AND c.confirmed_at IS NOT NULL",
    ),
)
