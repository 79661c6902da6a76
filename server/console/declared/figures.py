"""Figures."""

from server.console.declaring import MAIN, REFUSE, Act, WorkPage

SECTION = "统计"

PAGES = (
    WorkPage(
        slug="warnings",
        section=SECTION,
        title="预警",
        lists="list_warnings",
        columns=("words", "organization_name", "reason", "state", "raised_at"),
        heads={"words": "预警"},
        filters=("state",),
        shows="show_warning",
        headline="words",
        acts=(
            Act(operation="acknowledge_warning", words="知悉", states=("raised",), is_bulk=True),
            Act(
                operation="act_on_warning",
                words="着手处理",
                look=MAIN,
                states=("raised", "acknowledged", "acting"),
                begins={"doing": "doing"},
            ),
            Act(
                operation="dismiss_warning",
                words="撤销预警",
                look=REFUSE,
                states=("raised", "acknowledged", "acting"),
            ),
        ),
    ),
)
