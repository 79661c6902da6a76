import { listPage } from "../../kit/page";
import { moment } from "../../kit/words";

listPage(
  "list_my_ratings",
  (one) => ({ id: one.id, icon: "star", title: one.title, note: "★".repeat(one.stars) + "☆".repeat(5 - one.stars) + (one.text ? `\n${one.text}` : ""), side: moment(one.rated_at) }),
  { view: () => ({ empty: "还没有收到评价" }) },
);
