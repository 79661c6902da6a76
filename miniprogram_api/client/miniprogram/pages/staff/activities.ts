import { listPage } from "../../kit/page";
import { joined, span, word } from "../../kit/words";

listPage(
  "list_led_activities",
  (one) => ({ id: one.id, icon: "flag", title: one.title, tag: word("ActivityState", one.state), note: span(one.starts_at, one.ends_at), side: joined(`${one.signed_up}人报名`, one.waiting > 0 && `${one.waiting}人候补`), page: `pages/staff/activity?id=${one.id}` }),
  { view: () => ({ title: "我带领的活动", empty: "没有您带领的活动" }) },
);
