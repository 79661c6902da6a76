import { call } from "../../api/call";
import { definePage } from "../../kit/page";
import { joined, moment } from "../../kit/words";

definePage({
  async load() {
    const { items } = await call("list_my_merges");
    return {
      title: "合并账号",
      note: "社区认为这是同一个人。双方都确认后合并，记录归到一处。",
      sections: [
        {
          rows: items.map((one) => {
            const path = { proposal_id: one.id };
            return {
              id: one.id,
              icon: "people",
              title: joined(one.nickname, one.name),
              tag: one.is_confirmed_by_me ? "等对方确认" : "",
              tone: "amber" as const,
              note: joined(one.stays ? "保留这个账号" : "并入我的账号", `${moment(one.lapses_at)}前有效`),
              acts: one.is_confirmed_by_me ? [] : [{ word: "不是我", danger: true, operation: "decline_merge" as const, path }, { word: "是同一人", main: true, operation: "confirm_merge" as const, path, ask: "合并后不能分开。", done: "已确认" }],
            };
          }),
          empty: "没有等待确认的合并",
        },
      ],
    };
  },
});
