import { call } from "../../api/call";
import { actsOf } from "../../kit/acts";
import { definePage } from "../../kit/page";
import { showReport } from "./shown";

definePage({
  async load({ id }) {
    const path = { report_id: id! };
    const [report, offered] = await Promise.all([call("view_report", { path }), call("list_report_actions", { path })]);
    return {
      ...showReport(report),
      acts: actsOf(offered, {
        agree: { word: "认可", main: true, operation: "agree_to_report", path, ask: "认可这份反馈的内容？", done: "已认可", moment: "report_opened" },
        ask_correction: { word: "申请更正", operation: "ask_correction", path, fields: { request: { label: "哪里需要更正" } }, done: "已提交" },
        acknowledge: { word: "签收", main: true, operation: "acknowledge_report", path, done: "已签收" },
      }),
    };
  },
});
