"""网格事项. What is counted of steps counts where the case is, in the month in which the step was made; steps never
change, so a case that is handled twice counts twice."""

from server.figures.definitions.definition import MOMENT, Better, Definition, Kind

_CASE = ("grid_case", "title")
_STEPS = "FROM grid_case_step s JOIN grid_case c ON c.id = s.case_id"
_OF_STEP = "SELECT s.id, c.id AS subject_id, c.community_id AS organization_id, s.created_at AS at"
_OF_CASE = "SELECT c.id, c.id AS subject_id, c.community_id AS organization_id"
_RATED = "FROM grid_case c WHERE c.rated_at IS NOT NULL"
_AGAIN = "s.action IN ('reopen', 'file_again') AND s.from_state <> 'refused'"


def _in_time(code: str, words: str, action: str, what_counts: str, leaves_out: str) -> Definition:
    """The share of such steps that were made before they were due."""
    return Definition(
        code=code,
        words=words,
        unit="%",
        what_counts=what_counts,
        leaves_out=leaves_out,
        source="网格事项办理经过",
        kind=Kind.SHARE,
        subject=_CASE,
        sql=f"{_OF_STEP}, (s.created_at <= s.due_at)::int AS numerator, 1 AS denominator, 0 AS excluded {_STEPS} "
        f"WHERE s.action = '{action}' AND s.due_at IS NOT NULL",
    )


DEFINITIONS = (
    Definition(
        code="cases_reported",
        words="网格事项",
        unit="件",
        what_counts="当月反映、登记或其他平台转来的事项",
        leaves_out="不予受理的、已并入其他事项的",
        source="网格事项",
        better=Better.NEITHER,
        subject=_CASE,
        sql=f"{_OF_CASE}, c.created_at AS at, (c.state NOT IN ('refused', 'merged'))::int AS numerator, "
        "0 AS denominator, (c.state IN ('refused', 'merged'))::int AS excluded FROM grid_case c",
    ),
    _in_time(
        "cases_filed_in_time",
        "事项按时立案率",
        "file",
        "当月立案的事项中，在受理时限内立案的",
        "尚未立案的、不予受理的",
    ),
    _in_time(
        "cases_accepted_in_time",
        "事项按时接件率",
        "accept",
        "当月的接件中，在接件时限内接的；退回后再接的另计",
        "尚未接件的、退回的",
    ),
    _in_time(
        "cases_handled_in_time",
        "事项按时处置率",
        "answer",
        "当月处置完毕的，在处置时限内完成的；经同意延期、挂账的按新的时限；返工后再次完成的另计",
        "尚未处置完的（逾期的见“逾期未办的事项”）",
    ),
    Definition(
        code="cases_answered_in_time",
        words="事项按时答复率",
        unit="%",
        what_counts="答复居民的期限在当月的事项中，经核查按时答复的",
        leaves_out="不予受理的、已并入其他事项的；重新办理中的按尚未答复计",
        source="网格事项",
        kind=Kind.SHARE,
        subject=_CASE,
        sql=f"{_OF_CASE}, c.answer_due_at AS at, CASE WHEN c.state IN ('refused', 'merged') THEN 0 "
        "ELSE COALESCE(c.checked_at <= c.answer_due_at, FALSE)::int END AS numerator, "
        "(c.state NOT IN ('refused', 'merged'))::int AS denominator, "
        "(c.state IN ('refused', 'merged'))::int AS excluded FROM grid_case c",
    ),
    Definition(
        code="case_hours_to_answer",
        words="事项答复用时",
        unit="小时",
        what_counts="当月答复的事项，从反映到答复的平均小时数（含夜间和节假日）",
        leaves_out="重新办理、尚未再次答复的",
        source="网格事项",
        kind=Kind.MEAN,
        better=Better.LESS,
        scale=60,
        subject=_CASE,
        sql=f"{_OF_CASE}, c.checked_at AS at, floor(EXTRACT(epoch FROM c.checked_at - c.created_at) / 60)::int "
        "AS numerator, 1 AS denominator, 0 AS excluded FROM grid_case c WHERE c.checked_at IS NOT NULL",
    ),
    Definition(
        code="cases_sent_back",
        words="事项返工率",
        unit="%",
        what_counts="当月的核查中，不通过、退回继续处置的",
        leaves_out="尚未核查的",
        source="网格事项办理经过",
        kind=Kind.SHARE,
        better=Better.LESS,
        subject=_CASE,
        sql=f"{_OF_STEP}, (s.action = 'send_back')::int AS numerator, 1 AS denominator, 0 AS excluded {_STEPS} "
        "WHERE s.action IN ('pass', 'send_back')",
    ),
    Definition(
        code="cases_reopened",
        words="重新办理的事项",
        unit="件次",
        what_counts="当月因没有解决，由反映人申请或工作人员决定重新办理的",
        leaves_out="原先不予受理、后来立案的",
        source="网格事项办理经过",
        better=Better.LESS,
        subject=_CASE,
        sql=f"{_OF_STEP}, 1 AS numerator, 0 AS denominator, 0 AS excluded {_STEPS} WHERE {_AGAIN}",
    ),
    Definition(
        code="cases_delayed",
        words="事项延期和挂账",
        unit="件次",
        what_counts="当月同意的延期和挂账",
        leaves_out="申请未获同意的",
        source="网格事项办理经过",
        better=Better.LESS,
        subject=_CASE,
        sql=f"{_OF_STEP}, 1 AS numerator, 0 AS denominator, 0 AS excluded {_STEPS} "
        "WHERE s.action IN ('extend', 'suspend')",
    ),
    Definition(
        code="cases_overdue",
        words="逾期未办的事项",
        unit="件",
        what_counts="月末（本月为现在）未办结、已过当前环节时限的事项",
        leaves_out="挂账的",
        source="网格事项",
        better=Better.LESS,
        is_state=True,
        subject=_CASE,
        sql=f"{_OF_CASE}, c.created_at AS at, 1 AS numerator, 0 AS denominator, 0 AS excluded FROM grid_case c "
        f"WHERE c.holder_id IS NOT NULL AND c.state <> 'suspended' AND c.stage_due_at < {MOMENT}",
    ),
    *(
        Definition(
            code=f"cases_{code}",
            words=words,
            unit="%",
            what_counts=f"当月评价的事项中，{what}",
            leaves_out="没有评价的；评价后又重新办理的",
            source="网格事项评价",
            kind=Kind.SHARE,
            subject=_CASE,
            sql=f"{_OF_CASE}, c.rated_at AS at, COALESCE({condition}, FALSE)::int AS numerator, 1 AS denominator, "
            f"0 AS excluded {_RATED}",
        )
        for code, words, what, condition in (
            ("reached", "事项响应率", "反映人说有人联系过的", "c.reached"),
            ("solved", "事项解决率", "反映人说已解决的", "c.solved"),
            ("satisfied", "事项满意率", "反映人给四星或五星的", "c.stars >= 4"),
        )
    ),
)
