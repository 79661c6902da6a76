import { call } from "../../api/call";
import { definePage } from "../../kit/page";
import { homeOf } from "./place";
import { joined, minutes, span, word } from "../../kit/words";

definePage({
  async load() {
    const found = await call("list_hours", { query: { organization_id: await homeOf() } });
    return {
      title: "待审批的服务时长",
      sections: [
        {
          rows: found.items.map((one) => {
            const path = { hours_id: one.id };
            return {
              id: one.id,
              icon: "clock",
              title: joined(one.name, minutes(one.minutes)),
              tag: word("HoursState", one.state),
              tone: "amber" as const,
              note: joined(one.title, span(one.starts_at, one.ends_at)),
              side: one.reason,
              acts: one.state === "waiting" ? [{ word: "不批准", danger: true, operation: "refuse_hours" as const, path, fields: { reason: { label: "原因", kind: "long" as const } } }, { word: "批准", main: true, operation: "approve_hours" as const, path, done: "已批准" }] : [],
            };
          }),
          empty: "没有待审批的服务时长",
        },
      ],
    };
  },
});
