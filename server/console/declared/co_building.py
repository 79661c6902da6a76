"""共建: the three lists."""

from server.console.declaring import MAIN, REFUSE, Act, WorkPage

PAGES = (
    WorkPage(
        slug="list-entries",
        section="共建",
        title="三张清单",
        lists="list_entries_of_area",
        columns=("kind", "category", "title", "owner_name", "left", "measure", "state", "period"),
        heads={"left": "尚余", "measure": "单位", "owner_name": "发布方"},
        filters=("kind", "state", "period"),
        shows="get_list_entry",
        offers="list_entry_actions",
        exports="export_lists",
        acts=(
            Act(
                operation="approve_list_entry",
                tried=("approve",),
                words="审核通过",
                look=MAIN,
                states=("review",),
                is_bulk=True,
            ),
            Act(operation="submit_list_entry", tried=("submit",), words="提交审核", look=MAIN, states=("draft",)),
            Act(operation="return_list_entry", tried=("return",), words="退回修改", states=("review",)),
            Act(
                operation="close_list_entry",
                tried=("close",),
                words="结束",
                look=REFUSE,
                states=("draft", "review", "open", "matched"),
            ),
        ),
        makes=(Act(operation="invite_lists", words="征集清单", tells=True),),
    ),
    WorkPage(
        slug="list-claims",
        section="共建",
        title="双向认领",
        lists="list_claims",
        columns=("title", "owner_name", "claimant_name", "quantity", "measure", "state", "lapses_at"),
        heads={"owner_name": "发布方", "claimant_name": "认领方", "measure": "单位"},
        filters=("state",),
        acts=(
            Act(operation="accept_list_claim", words="接受", look=MAIN, states=("proposed",)),
            Act(operation="decline_list_claim", words="不接受", look=REFUSE, states=("proposed",)),
            Act(operation="withdraw_list_claim", words="撤回认领", look=REFUSE, states=("proposed", "accepted")),
        ),
    ),
)
