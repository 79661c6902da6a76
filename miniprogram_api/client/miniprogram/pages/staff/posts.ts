import { call } from "../../api/call";
import { definePage } from "../../kit/page";
import { homeOf } from "./place";
import { joined, moment, word } from "../../kit/words";

/** Applications for posts, and who holds them. */
definePage({
  async load(_, { tab }) {
    const state = tab || "applied";
    const found = await call("list_post_holdings", { query: { community_id: await homeOf(), state: state as never } });
    return {
      tabs: [{ value: "applied", word: "待同意" }, { value: "held", word: "在岗" }],
      sections: [
        {
          rows: found.items.map((one) => {
            const path = { holding_id: one.id }, reason = { reason: { label: "原因", kind: "long" as const } };
            return {
              id: one.id,
              icon: "desk",
              title: joined(one.name, one.title),
              tag: word("HoldingState", one.state),
              note: joined(one.phone, one.community_name),
              side: moment(one.decided_at ?? one.applied_at),
              acts: one.state === "applied"
                ? [{ word: "不同意", danger: true, operation: "refuse_post" as const, path, fields: reason }, { word: "同意任职", main: true, operation: "approve_post" as const, path, done: "已同意" }]
                : [{ word: "结束任职", danger: true, operation: "end_holding" as const, path, fields: reason }],
            };
          }),
          empty: "没有岗位申请",
        },
      ],
    };
  },
});
