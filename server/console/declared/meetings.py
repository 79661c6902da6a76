"""Joint meetings and what they resolved."""

from server.console.declaring import MAIN, REFUSE, Act, WorkPage


def _act(operation: str, words: str, *states: str, look: str = "", is_bulk: bool = False) -> Act:
    return Act(operation=operation, words=words, states=states, look=look, is_bulk=is_bulk)


PAGES = (
    WorkPage(
        slug="meetings",
        section="共建",
        title="联席会议",
        lists="list_meetings",
        columns=("title", "organization_name", "place", "starts_at", "state"),
        heads={"organization_name": "召开单位", "place": "地点", "starts_at": "时间"},
        shows="get_meeting",
        headline="title",
        acts=(
            _act("invite_to_meeting", "通知成员", "planned", look=MAIN),
            _act("open_meeting", "开会", "invited", look=MAIN),
            _act("pass_resolution", "记下决议", "open", look=MAIN),
            _act("propose_topic", "列入议题", "planned", "invited"),
            _act("write_minutes", "写会议纪要", "open"),
            _act("approve_minutes", "通过纪要", "open"),
            _act("cancel_meeting", "取消", "planned", "invited", look=REFUSE),
        ),
        makes=(Act(operation="plan_meeting", words="筹备会议", look=MAIN),),
    ),
    WorkPage(
        slug="meeting-resolutions",
        section="共建",
        title="联席会议决议",
        lists="list_resolutions",
        columns=("text", "organization_name", "owner_name", "due_on", "overdue", "state"),
        heads={
            "text": "决议",
            "organization_name": "召开单位",
            "owner_name": "承办",
            "due_on": "办结日期",
            "overdue": "超期",
        },
        filters=("state",),
        shows="get_resolution",
        headline="text",
        acts=(
            _act("publish_resolution", "公开结果", "reported", look=MAIN),
            _act("report_resolution", "报告结果", "open"),
            _act("extend_resolution", "改期", "open"),
            _act("send_back_resolution", "退回继续办理", "reported", look=REFUSE),
        ),
    ),
)
