"""What members, communities and units are told of half-year reports."""

from server.notifications.events import Event, service_report

_HALVES = {"1": "上半年", "2": "下半年"}

REPORTS_TO_ASSESS = Event(
    name="reports_to_assess",
    title="半年反馈待评价",
    text="{year}年{half}{organization[name]}共有{count}份半年反馈，请填写社区意见和评价。",
    page="pages/staff/reports",
    words={"half": _HALVES},
)

ASSESSED = Event(
    name="report_assessed",
    title="请核对您的半年反馈",
    text="{half_year_report[community]}已形成您{half_year_report[period]}的反馈。如需更正，请在{until}前提出。",
    page="pages/report/detail?id={half_year_report[id]}",
    **service_report("service_record", "{half_year_report[period]}服务反馈", "请在7天内核对，可申请更正"),
)

AGREED = Event(
    name="report_agreed",
    title="本人已确认半年反馈",
    text="{half_year_report[community]}有一份{half_year_report[period]}反馈已由本人确认，可以反馈给所属党组织。",
    page="pages/staff/report?id={half_year_report[id]}",
)

CORRECTION_ASKED = Event(
    name="report_correction_asked",
    title="有人申请更正半年反馈",
    text="{half_year_report[community]}有一份{half_year_report[period]}反馈申请更正，请及时处理。",
    page="pages/staff/report?id={half_year_report[id]}",
)

CORRECTION_DECIDED = Event(
    name="report_correction_decided",
    title="更正申请已有结果",
    text="您对{half_year_report[period]}反馈的更正申请{outcome}，社区的答复见反馈详情。",
    page="pages/report/detail?id={half_year_report[id]}",
    **service_report("service_record", "{half_year_report[period]}服务反馈", "您的更正申请{outcome}"),
    words={"outcome": {"accepted": "已采纳", "declined": "未采纳"}},
)

RELEASED = Event(
    name="report_released",
    title="半年反馈已发出",
    text="{half_year_report[community]}已将您{half_year_report[period]}的反馈发送给您的所属党组织。",
    page="pages/report/detail?id={half_year_report[id]}",
)

REPORTS_RECEIVED = Event(
    name="reports_received",
    title="收到半年反馈",
    text="{organization[name]}向{unit[name]}反馈了{count}名党员{year}年{half}的服务情况，请查收并签收。",
    page="pages/unit/reports?id={unit[id]}",
    **service_report("service_record", "{year}年{half}服务反馈", "{organization[name]}反馈{count}份，请签收"),
    kinds={"unit": "organization"},
    words={"half": _HALVES},
)

UNIT_SUMMARY_READY = Event(
    name="unit_summary_ready",
    title="半年反馈已收齐",
    text="{unit[name]}{year}年{half}的反馈已全部收到，可以查看和下载汇总表。",
    page="pages/unit/reports?id={unit[id]}",
    kinds={"unit": "organization"},
    words={"half": _HALVES},
)

ACKNOWLEDGED = Event(
    name="report_acknowledged",
    title="单位已签收半年反馈",
    text="您的所属党组织已签收您{half_year_report[period]}的反馈。",
    page="pages/report/detail?id={half_year_report[id]}",
)

REPORTS_ACKNOWLEDGED = Event(
    name="reports_acknowledged",
    title="单位已签收半年反馈",
    text="{unit[name]}签收了{year}年{half}的{count}份反馈。",
    page="pages/staff/reports",
    kinds={"unit": "organization"},
    words={"half": _HALVES},
)
