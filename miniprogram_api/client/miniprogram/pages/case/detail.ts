import { call } from "../../api/call";
import { actsOf } from "../../kit/acts";
import { definePage } from "../../kit/page";
import { showCase } from "./shown";

definePage({
  async load({ id }) {
    const path = { case_id: id! };
    const [one, offered] = await Promise.all([call("get_case", { path }), call("list_case_actions", { path })]);
    return {
      ...showCase(one),
      acts: actsOf(offered, {
        join: { word: "我也遇到", main: true, operation: "join_case", path, done: "有答复时会告诉您" },
        leave: { word: "不再跟进", danger: true, operation: "leave_case", path },
        rate: { word: "评价", main: true, operation: "rate_case", path, fields: { reached: { label: "有人联系过我" }, solved: { label: "问题解决了" }, stars: { label: "满意吗？" }, text: { label: "想说的话" } }, done: "谢谢您的评价" },
        reopen: { word: "没有解决，重新办理", operation: "reopen_case", path, fields: { reason: { label: "还有什么问题", kind: "long" } }, done: "已申请" },
      }),
    };
  },
});
