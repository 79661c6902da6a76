import { listPage } from "../../kit/page";
import { joined, moment, word } from "../../kit/words";

listPage(
  "list_my_complaints",
  (one) => ({ id: one.id, icon: "chat", title: one.text, tag: word("ComplaintState", one.state), tone: one.state === "open" ? "amber" : "green", note: joined(one.venue_name, one.service_name), side: moment(one.created_at), page: `pages/venue/complaint?id=${one.id}` }),
  { view: () => ({ empty: "您还没有提过意见。\n在场所的页面里，可以投诉或提建议。", acts: [{ word: "去邻里中心看看", page: "pages/venue/list" }] }) },
);
