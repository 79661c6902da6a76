import { call } from "../../api/call";
import { definePage } from "../../kit/page";
import { halfYear, joined, minutes, points, word } from "../../kit/words";

definePage({
  async load() {
    const found = await call("list_my_reports");
    return { title: "在职党员作用发挥情况反馈", sections: [{ rows: found.map((one) => ({ id: one.id, icon: "file", title: halfYear(one.period), tag: word("ReportState", one.state), tone: one.state === "assessed" ? ("red" as const) : ("grey" as const), note: joined(one.community_name, minutes(one.minutes), points(one.points), word("Grade", one.grade)), page: `pages/report/detail?id=${one.id}` })), empty: "每半年，社区会把您的服务情况反馈给所属党组织。现在还没有。" }], acts: [{ word: "看我的报到", page: "pages/check-in/mine" }] };
  },
});
