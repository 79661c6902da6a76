"""What people are told by figures."""

from server.notifications.events import Event

WARNING_RAISED = Event(
    name="warning_raised",
    title="预警：{figure_warning[title]}",
    text="{figure_warning[organization]}：{figure_warning[reason]}。请尽快处理。",
    page="pages/staff/warning?id={figure_warning[id]}",
)

ASSESSMENT_NOTIFIED = Event(
    name="assessment_notified",
    title="综合评价结果：{assessment[title]}",
    text="{assessment[title]}综合评价的结果请查看，7 天内可以申诉。",
    page="pages/staff/assessment?id={assessment[id]}",
)

ASSESSMENT_APPEALED = Event(
    name="assessment_appealed",
    title="综合评价申诉：{assessment[title]}",
    text="{assessment[title]}综合评价有申诉，须由核定人以外的管理员答复。",
    page="pages/staff/assessment?id={assessment[id]}",
)
