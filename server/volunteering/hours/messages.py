"""What people are told of their hours, of certificates and ratings, and of appeals."""

from server.foundation.dates import render_duration
from server.notifications.events import Event, review_result, service_report

NO_SHOW_APPEALED = Event(
    name="no_show_appealed",
    title="有爽约申诉待处理",
    text="有人对“{appeal[title]}”的爽约记录提出申诉，请核实处理。",
    page="pages/staff/no-show-appeals",
)

NO_SHOW_APPEAL_DECIDED = Event(
    name="no_show_appeal_decided",
    title="爽约申诉已处理",
    text="您对“{appeal[title]}”爽约记录的申诉{decision}：{appeal[decision]}。",
    page="pages/me/no-shows",
    words={"decision": {"accepted": "已通过，该次不再计入", "refused": "未通过"}},
)

CREDITED = Event(
    name="hours_credited",
    title="服务时长已计入",
    text="您参加“{shift[title]}”{hours[whose]}的服务时长 {minutes}已确认，感谢您的付出。",
    page="pages/me/service-record",
    said={"minutes": render_duration},
    **service_report("service_record", "{shift[title]}", "服务时长{minutes}已计入"),
)

WAITING = Event(
    name="hours_waiting",
    title="服务时长待审批",
    text="您参加“{shift[title]}”{hours[whose]}的服务时长 {minutes}已提交，{needs}后计入。",
    page="pages/me/service-record",
    said={"minutes": render_duration},
    words={
        "needs": {
            "second_person": "补录须另一位工作人员核实",
            "community": "当日超过 8 小时，须社区管理员批准",
            "subdistrict": "当日超过 12 小时，须街道管理员批准",
        }
    },
)

TO_APPROVE = Event(
    name="hours_to_approve",
    title="有服务时长待审批",
    text="“{hours[title]}”有一条 {hours[minutes]}的服务时长需要您审批。",
    page="pages/staff/hours",
)

REFUSED = Event(
    name="hours_refused",
    title="服务时长未获批准",
    text="“{hours[title]}”的 {hours[minutes]}服务时长未获批准：{hours[decision]}。",
    page="pages/me/service-record",
    **review_result("service_record", "{hours[title]}", "未通过", "{hours[decision]}"),
)

CORRECTED = Event(
    name="hours_corrected",
    title="服务时长已更正",
    text="您在“{hours[title]}”{hours[whose]}的服务时长由 {before}更正为 {hours[minutes]}：{hours[reason]}。",
    page="pages/me/service-record",
    said={"before": render_duration},
    **service_report("service_record", "{hours[title]}", "服务时长更正为{hours[minutes]}"),
)

CERTIFICATE_REVOKED = Event(
    name="certificate_revoked",
    title="志愿服务证明已作废",
    text="您的一份志愿服务证明所列时长已更正，该证明作废，请重新开具。",
    page="pages/me/certificates",
    **service_report("service_record", "志愿服务证明", "时长已更正，请重新开具"),
)

VOLUNTEER_RATED = Event(
    name="volunteer_rated",
    title="您收到一份评价",
    text="“{shift[title]}”的负责人给了您 {stars} 星评价。",
    page="pages/me/ratings",
)
