"""What people are told of cases. Who reported one stands in none."""

from functools import partial
from typing import Any

from server.notifications.events import Event, service_report

_of_case = partial(Event, page="pages/case/detail?id={grid_case[id]}")
_for_staff = partial(Event, page="pages/staff/case?id={grid_case[id]}")


def _report(note: str) -> dict[str, Any]:
    return service_report("grid_cases", "{grid_case[title]}", note)


REPORTED = _for_staff(
    name="case_reported",
    title="有新的网格事项",
    text="收到一件网格事项“{grid_case[title]}”，请核实后立案或说明不予受理的理由。",
)

FILED = _of_case(
    name="case_filed",
    title="您反映的事项已立案",
    text="您反映的“{grid_case[title]}”已立案，正在派遣处置单位。",
    **_report("已立案，正在派遣处置单位"),
)

REFUSED = _of_case(
    name="case_refused",
    title="您反映的事项未予受理",
    text="您反映的“{grid_case[title]}”未予受理，理由和责任单位请点开查看。",
    **_report("未予受理，点开查看理由"),
)

ACCEPTED = _of_case(
    name="case_accepted",
    title="您反映的事项有人处置了",
    text="{handler[name]}已接下您反映的“{grid_case[title]}”，由其负责到底。",
    **_report("{handler[name]}已接件"),
    kinds={"handler": "organization"},
)

PROGRESSED = _of_case(
    name="case_progressed",
    title="您反映的事项有新进展",
    text="您反映的“{grid_case[title]}”有新的进展，点开看看。",
)

DELAYED = _of_case(
    name="case_delayed",
    title="您反映的事项时限有变动",
    text="您反映的“{grid_case[title]}”经批准延期或挂账，理由请点开查看。",
    **_report("经批准延期或挂账，点开查看理由"),
)

ANSWERED = _of_case(
    name="case_answered",
    title="您反映的事项已答复",
    text="您反映的“{grid_case[title]}”已答复：{grid_case[outcome]}。请查看并评价；没有解决的，15 天内可申请重新办理。",
    **_report("已答复，请查看并评价"),
)

FOLLOWED_ANSWERED = _of_case(
    name="case_followed_answered",
    title="您跟进的事项已答复",
    text="您跟进的“{grid_case[title]}”已答复：{grid_case[outcome]}，点开查看。",
    **_report("已答复，点开查看"),
)

MERGED = Event(
    name="case_merged",
    title="您反映的事项已并案办理",
    text="您反映的“{grid_case[title]}”与另一件相同，已合并办理，您会收到它的答复。",
    page="pages/case/detail?id={into[id]}",
    kinds={"into": "grid_case"},
)

FILED_AGAIN = _of_case(
    name="case_filed_again",
    title="您反映的事项重新办理",
    text="您反映的“{grid_case[title]}”已由社区重新立案办理。",
)

DISPATCHED = _for_staff(
    name="case_dispatched",
    title="有网格事项待接件",
    text="网格事项“{grid_case[title]}”派给您处置，请在{due}前接件；不属您职责的请退回并说明理由。",
)

RETURNED = _for_staff(
    name="case_returned",
    title="网格事项被退回",
    text="网格事项“{grid_case[title]}”由处置方退回或转交，请重新派遣。",
)

ESCALATED = _for_staff(
    name="case_escalated", title="有下级上报的网格事项", text="下级上报了网格事项“{grid_case[title]}”，请确定处置单位。"
)

CALLED_OFF = _for_staff(
    name="case_called_off", title="网格事项已并案", text="网格事项“{grid_case[title]}”已并入另一件办理，您不必再处置。"
)

TAKEN_BACK = _for_staff(
    name="case_taken_back", title="网格事项已收回", text="网格事项“{grid_case[title]}”已由派遣方收回，您不必再处置。"
)

TO_CHECK = _for_staff(
    name="case_to_check", title="有网格事项待核查", text="网格事项“{grid_case[title]}”已答复，请核查是否属实。"
)

SENT_BACK = _for_staff(
    name="case_sent_back",
    title="网格事项核查未通过",
    text="网格事项“{grid_case[title]}”核查未通过，请继续处置，时限不变。",
)

REOPENED = _for_staff(
    name="case_reopened",
    title="网格事项要求重新办理",
    text="网格事项“{grid_case[title]}”没有解决，要求重新办理，请派遣。",
)

DELAY_ASKED = _for_staff(
    name="case_delay_asked", title="有延期或挂账待决定", text="网格事项“{grid_case[title]}”申请延期或挂账，请决定。"
)

DELAY_GRANTED = _for_staff(
    name="case_delay_granted", title="延期或挂账已同意", text="网格事项“{grid_case[title]}”的延期或挂账申请已同意。"
)

DELAY_DENIED = _for_staff(
    name="case_delay_denied",
    title="延期或挂账未同意",
    text="网格事项“{grid_case[title]}”的延期或挂账申请未获同意，时限不变。",
)

RESUMED = _for_staff(
    name="case_resumed",
    title="网格事项恢复处置",
    text="网格事项“{grid_case[title]}”恢复处置，请在{due}前办结。",
)
