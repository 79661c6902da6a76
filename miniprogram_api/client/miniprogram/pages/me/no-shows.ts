import { call } from "../../api/call";
import { definePage } from "../../kit/page";
import { moment, word } from "../../kit/words";

definePage({
  async load() {
    const mine = await call("list_my_no_shows");
    return {
      title: "爽约记录",
      note: mine.blocked_until ? `${moment(mine.blocked_until)}前不能报名` : "没有限制",
      sections: [
        {
          rows: mine.no_shows.items.map((one) => ({
            id: one.id,
            icon: "clock",
            title: one.title,
            tag: one.appeal_state ? word("AppealState", one.appeal_state) : one.counts ? "计入" : "不计",
            tone: one.counts ? ("red" as const) : ("grey" as const),
            note: `${word("NoShowReason", one.reason)}，${moment(one.shift_starts_at)}开始`,
            side: one.appeal_decision,
            acts: !one.appeal_id && new Date(one.appeal_until) > new Date() ? [{ word: "申诉", operation: "appeal_no_show" as const, path: { no_show_id: one.id }, fields: { text: { label: "情况说明" } }, done: "已提交" }] : [],
          })),
          empty: "没有爽约，谢谢您守约",
        },
      ],
    };
  },
});
