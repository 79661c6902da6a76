"""网格事项 grid cases: what it is one's turn to do, and all of an area."""

from server.console.declaring import MAIN, REFUSE, Act, Link, WorkPage


def _act(operation: str, tried: str, words: str, *states: str, look: str = "", choices: tuple[str, ...] = ()) -> Act:
    return Act(operation=operation, tried=(tried,), words=words, states=states, look=look, choices=choices)


_AT_WORK = ("reported", "filed", "dispatched", "handling")
_ACTS = (
    Act(operation="file_case", tried=("file",), words="立案", look=MAIN, states=("reported",), is_bulk=True),
    _act("dispatch_case", "dispatch", "派遣", "filed", look=MAIN, choices=("organization_id",)),
    Act(operation="accept_case", tried=("accept",), words="接件", look=MAIN, states=("dispatched",), is_bulk=True),
    _act("answer_case", "answer", "答复", "handling", look=MAIN),
    _act("pass_case", "pass", "核查通过", "answered", look=MAIN),
    _act("resume_case", "resume", "恢复处置", "suspended", look=MAIN),
    _act("grant_case_delay", "grant_delay", "同意延期或挂账", "handling", look=MAIN),
    _act("deny_case_delay", "deny_delay", "不同意延期或挂账", "handling"),
    _act("add_case_note", "add_note", "记录进展", "handling", "suspended"),
    _act("ask_case_extension", "ask_extension", "申请延期", "handling"),
    _act("ask_case_suspension", "ask_suspension", "申请挂账", "handling"),
    _act("hand_over_case", "hand_over", "转交", "handling"),
    _act("escalate_case", "escalate", "上报", "reported", "filed"),
    _act("merge_case", "merge", "并案", *_AT_WORK, choices=("into_id",)),
    _act("file_case_again", "file_again", "重新立案", "checked", "closed", "refused"),
    _act("return_case", "return", "退回派遣方", "dispatched", look=REFUSE),
    _act("send_back_case", "send_back", "核查不通过", "answered", look=REFUSE),
    _act("take_back_case", "take_back", "收回", "dispatched", "handling", look=REFUSE),
    _act("refuse_case", "refuse", "不予受理", "reported", "filed", look=REFUSE),
)

_HEADS = {
    "category_name": "类别",
    "text": "内容",
    "place": "地点",
    "holder_name": "轮到谁",
    "stage_due_at": "时限",
    "overdue": "超时",
}

_BLUR = Link(words="给图片打码", to="/console/cases/{id}/pictures", actor="keeper")

PAGES = (
    WorkPage(
        slug="cases-held",
        section="网格事项",
        title="轮到我们办的",
        lists="list_cases_held",
        columns=("category_name", "text", "place", "state", "stage_due_at", "overdue"),
        heads={name: word for name, word in _HEADS.items() if name != "holder_name"},
        shows="get_case",
        links=(_BLUR,),
        headline="category_name",
        offers="list_case_actions",
        acts=_ACTS,
        makes=(Act(operation="report_case_for", words="代为登记", look=MAIN, choices=("category_id", "grid_id")),),
    ),
    WorkPage(
        slug="cases",
        section="网格事项",
        title="全部事项",
        lists="list_cases_of_area",
        columns=("category_name", "text", "place", "community_name", "state", "holder_name", "stage_due_at", "overdue"),
        heads=_HEADS,
        filters=("state",),
        shows="get_case",
        links=(_BLUR,),
        headline="category_name",
        offers="list_case_actions",
        acts=_ACTS,
    ),
)
