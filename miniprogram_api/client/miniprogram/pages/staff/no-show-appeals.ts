import { call } from "../../api/call";
import { definePage } from "../../kit/page";
import { homeOf } from "./place";
import { moment, word } from "../../kit/words";

definePage({
  async load() {
    const found = await call("list_no_show_appeals", { query: { organization_id: await homeOf() } });
    return {
      title: "爽约申诉",
      sections: [
        {
          rows: found.items.map((one) => ({
            id: one.id,
            icon: "clock",
            title: `${one.name}：${one.title}`,
            tag: word("AppealState", one.state),
            note: one.text,
            side: `${word("NoShowReason", one.reason)}，${moment(one.shift_starts_at)}`,
            acts: one.state === "submitted" ? [{ word: "处理", main: true, operation: "decide_no_show_appeal" as const, path: { appeal_id: one.id }, fields: { accept: { label: "通过申诉" }, decision: { label: "说明", kind: "long" as const } }, done: "已处理" }] : [],
          })),
          empty: "没有待处理的申诉",
        },
      ],
    };
  },
});
