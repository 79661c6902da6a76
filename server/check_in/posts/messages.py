"""What holders and staff are told of posts."""

from server.notifications.events import Event, review_result

TO_REVIEW = Event(
    name="post_to_review",
    title="有新的岗位申请",
    text="{holding[community]}的岗位“{holding[title]}”有人申请，请及时处理。",
    page="pages/staff/posts",
)

APPROVED = Event(
    name="post_approved",
    title="岗位申请已通过",
    text="您已成为{holding[community]}“{holding[title]}”，感谢您的担当。",
    page="pages/posts/mine",
    **review_result("check_in", "岗位：{holding[title]}", "已通过", "请按岗位职责开展服务"),
)

REFUSED = Event(
    name="post_refused",
    title="岗位申请未通过",
    text="您申请的岗位“{holding[title]}”未通过：{holding[reason]}。",
    page="pages/posts/mine",
    **review_result("check_in", "岗位：{holding[title]}", "未通过", "{holding[reason]}"),
)

ENDED = Event(
    name="post_ended",
    title="岗位任职已结束",
    text="您在{holding[community]}的岗位“{holding[title]}”已结束：{holding[reason]}。",
    page="pages/posts/mine",
)

LEFT = Event(
    name="post_left",
    title="有人卸任岗位",
    text="{holding[community]}的岗位“{holding[title]}”有人撤回申请或卸任：{holding[reason]}。",
    page="pages/staff/posts",
)

APPLIED = Event(
    name="post_applied",
    title="岗位申请已提交",
    text="您申请了{holding[community]}的岗位“{holding[title]}”，社区审核后会通知您。",
    page="pages/posts/mine",
)

TERM_OVER = Event(
    name="post_term_over",
    title="岗位任期已满",
    text="{post[community]}的岗位“{post[title]}”任期已满，任职随之结束。需要延续请重新设岗。",
    page="pages/staff/posts",
)
