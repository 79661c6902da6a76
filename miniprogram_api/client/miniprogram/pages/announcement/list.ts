import { listPage } from "../../kit/page";
import { joined, moment } from "../../kit/words";

listPage(
  "list_board",
  (one) => ({ id: one.id, icon: "news", picture: one.thumbnail_url, title: one.title, tag: one.urgent ? "紧急" : "", tone: "red", note: one.summary, side: joined(one.organization_name, moment(one.sent_at)), page: `pages/announcement/detail?id=${one.id}` }),
  { view: () => ({ empty: "还没有公告" }) },
);
