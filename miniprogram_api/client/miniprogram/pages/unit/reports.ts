import { listPage } from "../../kit/page";
import { joined, minutes, word } from "../../kit/words";

listPage(
  "list_unit_reports",
  (one) => ({ id: one.id, icon: "file", title: one.name, tag: word("ReportState", one.state), tone: one.acknowledged_at ? "green" : "red", note: joined(one.community_name, minutes(one.minutes), `${one.points}分`, word("Grade", one.grade)), page: `pages/report/detail?id=${one.id}` }),
  { asked: ({ id, period }) => ({ path: { unit_id: id }, query: { period } }), view: () => ({ title: "社区反馈来的", empty: "还没有收到反馈" }) },
);
