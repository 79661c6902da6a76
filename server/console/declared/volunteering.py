"""Volunteering: activities, hours, appeals."""

from server.console.declaring import MAIN, REFUSE, Act, WorkPage

PAGES = (
    WorkPage(
        slug="activities",
        section="志愿服务",
        title="活动",
        lists="list_activities_of_area",
        columns=("title", "organizer_name", "starts_at", "signed_up", "state"),
        filters=("state",),
        shows="show_activity_to_staff",
        headline="title",
        offers="list_activity_actions_of_staff",
        acts=(
            Act(operation="submit_activity", tried=("submit",), words="提交审核", look=MAIN, states=("draft",)),
            Act(
                operation="publish_activity",
                tried=("publish",),
                words="发布",
                look=MAIN,
                states=("in_review",),
                fills={"version": "version"},
            ),
            Act(operation="return_activity", tried=("return",), words="退回修改", states=("in_review",)),
            Act(operation="add_shifts", tried=("add_shifts",), words="增加场次", states=("draft", "published")),
            Act(operation="set_clock_in_radius", words="签到距离", begins={"meters": "sign_in_meters"}),
            Act(
                operation="cancel_activity",
                tried=("cancel",),
                words="取消活动",
                look=REFUSE,
                states=("draft", "in_review", "published"),
            ),
        ),
        makes=(Act(operation="create_activity", words="新建活动", look=MAIN),),
    ),
    WorkPage(
        slug="hours",
        section="志愿服务",
        title="服务时长",
        exports="export_hours",
        lists="list_hours",
        heads={"name": "姓名", "party_size": "人数"},
        columns=("name", "title", "starts_at", "minutes", "state", "stated_at"),
        filters=("state",),
        offers="list_hours_actions_of_staff",
        acts=(
            Act(
                operation="approve_hours",
                tried=("approve",),
                words="批准",
                look=MAIN,
                states=("waiting",),
                is_bulk=True,
            ),
            Act(operation="refuse_hours", tried=("refuse",), words="不批准", look=REFUSE, states=("waiting",)),
            Act(
                operation="correct_hours",
                tried=("correct",),
                words="更正",
                states=("effective",),
                begins={"minutes": "minutes"},
            ),
        ),
    ),
    WorkPage(
        slug="appeals",
        section="志愿服务",
        title="缺席申诉",
        lists="list_no_show_appeals",
        heads={"name": "姓名", "party_size": "人数"},
        columns=("name", "title", "shift_starts_at", "reason", "state", "appealed_at"),
        filters=("state",),
        offers="list_appeal_actions_of_staff",
        acts=(
            Act(
                operation="decide_no_show_appeal",
                tried=("accept", "refuse"),
                words="处理申诉",
                look=MAIN,
                states=("submitted",),
            ),
        ),
    ),
)
