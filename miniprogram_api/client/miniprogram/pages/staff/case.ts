import { call } from "../../api/call";
import { actsOf } from "../../kit/acts";
import { definePage } from "../../kit/page";
import { showCase } from "../case/shown";

definePage({
  async load({ id }) {
    const path = { case_id: id! };
    const [one, offered] = await Promise.all([call("get_case", { path }), call("list_case_actions", { path })]);
    const reason = { reason: { label: "原因", kind: "long" as const } };
    const grids = offered.some((action) => action.action === "dispatch") ? (await call("list_children", { path: { organization_id: one.community_id }, query: { level: "grid" } })).items : [];
    const contact = async () => {
      const who = await call("view_case_contact", { path });
      const { confirm } = await wx.showModal({ title: who.name, content: `${who.phone}\n查看已留下记录`, confirmText: "拨打" });
      if (confirm) await wx.makePhoneCall({ phoneNumber: who.phone });
    };
    return {
      ...showCase(one),
      acts: [
        ...actsOf(offered, {
          file: { word: "立案", main: true, operation: "file_case", path, done: "已立案" },
          refuse: { word: "不予受理", danger: true, operation: "refuse_case", path, fields: { ...reason, responsible: { label: "责任单位" } } },
          dispatch: { word: "派遣", main: true, operation: "dispatch_case", path, fields: { organization_id: { label: "派给", kind: "choice", options: grids.map((grid): [string, string] => [grid.id, grid.name]) }, note: { label: "说明" } }, done: "已派遣" },
          escalate: { word: "上报", operation: "escalate_case", path, fields: reason },
          take_back: { word: "收回", operation: "take_back_case", path, fields: reason },
          accept: { word: "接件", main: true, operation: "accept_case", path, done: "已接件" },
          return: { word: "退回", operation: "return_case", path, fields: reason },
          add_note: { word: "记录进展", operation: "add_case_note", path, fields: { words: { label: "进展" }, picture_ids: true } },
          hand_over: { word: "应由他人处置", operation: "hand_over_case", path, fields: { whose: { label: "应由谁处置" }, ...reason } },
          answer: { word: "处置完毕", main: true, operation: "answer_case", path, fields: { outcome: { label: "结果" }, answer: { label: "答复" }, picture_ids: true }, done: "已答复" },
          ask_extension: { word: "申请延期", operation: "ask_case_extension", path, fields: { amount: { label: "延长多少" }, ...reason } },
          grant_delay: { word: "同意", main: true, operation: "grant_case_delay", path, fields: { note: { label: "说明" } } },
          deny_delay: { word: "不同意", operation: "deny_case_delay", path, fields: reason },
          resume: { word: "恢复处置", main: true, operation: "resume_case", path, fields: reason },
          pass: { word: "核查通过", main: true, operation: "pass_case", path, fields: { note: { label: "说明" } }, done: "已核查" },
          send_back: { word: "退回处置", operation: "send_back_case", path, fields: reason },
          file_again: { word: "重新立案", operation: "file_case_again", path, fields: reason },
        }),
        { word: "联系反映人", run: contact },
      ],
    };
  },
});
