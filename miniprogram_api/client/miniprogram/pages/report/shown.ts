import type { Answer } from "../../api/call";
import type { View } from "../../kit/view";
import { joined, minutes, moment, points, word } from "../../kit/words";

/** A half-year report, to the member, the unit and the community alike. */
export function showReport(report: Answer<"view_report">): View {
  return {
    title: `${report.name} ${report.period_words}`,
    tag: word("ReportState", report.state),
    tone: report.state === "assessed" ? "red" : "green",
    note: joined(report.community_name, report.home_organization),
    sections: [
      { facts: [["服务时长", minutes(report.minutes)], ["积分", report.points], ["补记", report.late_minutes ? minutes(report.late_minutes) : null], ["评价", word("Grade", report.grade)], ["可更正至", moment(report.correction_until)], ["反馈", moment(report.released_at)], ["签收", moment(report.acknowledged_at)]] },
      report.opinion ? { title: "社区意见", text: report.opinion } : null,
      report.request ? { title: "更正申请", text: report.request } : null,
      report.answer ? { title: "社区答复", text: report.answer } : null,
      { title: "服务明细", rows: report.lines.map((line) => ({ id: line.entry_id, icon: "clock", title: line.title || line.rule_name, tag: points(line.points), note: joined(line.rule_name, line.minutes > 0 && minutes(line.minutes), line.community), side: joined(moment(line.occurred_at), line.is_late && "补记", line.is_reversal && "冲正") })), empty: "这半年没有服务记录" },
    ],
  };
}
