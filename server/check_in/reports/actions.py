"""What a member, their community and their unit could do with a half-year report now, told before the tap."""

from server.check_in.reports.access import get_visible_report
from server.check_in.reports.models import Grade
from server.check_in.reports.reviewing import (
    CorrectionDecision,
    acknowledge_report,
    agree_to_report,
    ask_correction,
    assess_report,
    decide_correction,
    release_report,
)
from server.check_in.reports.rules import ReportAction
from server.foundation.actions import ActionView, Verb, try_each

_WORDS = "试算"
"""Where a verb asks for words that are then undone."""


async def list_report_actions(person_id: str, report_id: str) -> list[ActionView]:
    """What the reader could do, whoever they are to the report. Raises NotFound for who may not see it."""
    report, _, _ = await get_visible_report(person_id, report_id)
    version, grade = report.version, report.grade or Grade.QUALIFIED
    yes, no = (CorrectionDecision(accept=accept, answer=_WORDS) for accept in (True, False))
    verbs: dict[ReportAction, Verb] = {
        ReportAction.ASSESS: lambda: assess_report(person_id, report_id, version, opinion=_WORDS, grade=grade),
        ReportAction.AGREE: lambda: agree_to_report(person_id, report_id),
        ReportAction.ASK_CORRECTION: lambda: ask_correction(person_id, report_id, _WORDS),
        ReportAction.ACCEPT_CORRECTION: lambda: decide_correction(person_id, report_id, yes),
        ReportAction.DECLINE_CORRECTION: lambda: decide_correction(person_id, report_id, no),
        ReportAction.RELEASE: lambda: release_report(person_id, report_id),
        ReportAction.ACKNOWLEDGE: lambda: acknowledge_report(person_id, report_id),
    }
    # Each makes another version of it; to compare them would be to look at what is audited.
    return await try_each(None, {str(action): do for action, do in verbs.items()})
