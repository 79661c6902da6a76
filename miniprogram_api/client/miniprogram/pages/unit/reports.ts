import { listPage } from "../../kit/page";
import { halfYears, joined, minutes, points, word } from "../../kit/words";

listPage(
  "list_unit_reports",
  (one) => ({ id: one.id, icon: "file", title: one.name, tag: word("ReportState", one.state), tone: one.acknowledged_at ? "green" : "red", note: joined(one.community_name, minutes(one.minutes), points(one.points), word("Grade", one.grade)), page: `pages/report/detail?id=${one.id}` }),
  { asked: ({ id }, { tab }) => ({ path: { unit_id: id }, query: { period: tab || halfYears()[0]!.value } }), view: () => ({ title: "社区反馈来的", tabs: halfYears(), empty: "这半年还没有收到反馈" }) },
);
