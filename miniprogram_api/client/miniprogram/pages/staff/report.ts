import { call } from "../../api/call";
import { actsOf } from "../../kit/acts";
import { definePage } from "../../kit/page";
import { showReport } from "../report/shown";

definePage({
  async load({ id }) {
    const path = { report_id: id! };
    const [report, offered] = await Promise.all([call("view_report", { path }), call("list_report_actions", { path })]);
    const assessment = { opinion: { label: "社区意见" }, grade: { label: "评价" } };
    return {
      ...showReport(report),
      acts: actsOf(offered, {
        assess: { word: "填写评价", main: true, operation: "assess_report", path, body: { version: report.version }, fields: assessment, values: report, done: "已评价" },
        accept_correction: { word: "采纳更正", main: true, operation: "decide_correction", path, body: { accept: true }, fields: { answer: { label: "答复", kind: "long" }, ...assessment }, values: report },
        decline_correction: { word: "不采纳", danger: true, operation: "decide_correction", path, body: { accept: false }, fields: { answer: { label: "答复", kind: "long" } } },
        release: { word: "反馈给党组织", main: true, operation: "release_report", path, ask: "反馈给所属党组织？", done: "已反馈" },
      }),
    };
  },
});
