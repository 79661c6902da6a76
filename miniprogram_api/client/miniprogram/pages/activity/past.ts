import { listPage } from "../../kit/page";
import { day, joined, word } from "../../kit/words";

listPage(
  "list_past_activities",
  (one) => ({ id: one.id, icon: "flag", picture: one.thumbnail_urls[0], title: one.title, tag: word("ActivityKind", one.kind), note: joined(day(one.starts_at), one.place_name), side: joined(one.people > 0 && `${one.people}人参加`, one.text), page: one.has_recap ? `pages/activity/recap?id=${one.id}` : `pages/activity/detail?id=${one.id}` }),
  { view: () => ({ empty: "还没有结束的活动" }) },
);
