import { listPage } from "../../kit/page";
import { joined, span } from "../../kit/words";

listPage(
  "list_my_appointments",
  (one) => ({
    id: one.kind + one.id,
    icon: one.kind === "sign_up" ? "flag" : one.kind === "room_booking" ? "door" : "calendar",
    title: one.title,
    tag: one.state_word,
    tone: one.state === "waiting" || one.state === "requested" ? "amber" : one.state === "cancelled" ? "grey" : "green",
    note: joined(span(one.starts_at, one.ends_at), one.place),
    side: joined(one.for_whom && `为${one.for_whom}`, !!one.position && `候补第${one.position}位`, one.reason, one.may_rate && "可以评价"),
    page: one.page,
  }),
  {
    asked: (_, { tab }) => ({ query: { when: tab || "coming" } }),
    view: () => ({ tabs: [{ value: "coming", word: "接下来" }, { value: "past", word: "过去的" }], empty: "没有安排" }),
  },
);
