import { listPage } from "../../kit/page";
import { joined, span, word } from "../../kit/words";
import { PLACE_TONES, positionOf } from "./shown";

listPage(
  "list_my_sign_ups",
  (one) => ({
    id: one.sign_up.id,
    icon: "flag",
    title: one.title,
    tag: word("PlaceState", one.sign_up.state),
    tone: PLACE_TONES[one.sign_up.state],
    note: joined(span(one.starts_at, one.ends_at), one.place_name),
    side: joined(one.sign_up.person_name, positionOf(one.sign_up)),
    page: `pages/activity/sign-up?id=${one.sign_up.id}`,
  }),
  {
    asked: (_, { tab }) => ({ query: { past: tab === "past" || undefined } }),
    view: () => ({ tabs: [{ value: "coming", word: "接下来" }, { value: "past", word: "过去的" }], empty: "没有报名", acts: [{ word: "爽约记录", page: "pages/me/no-shows" }, { word: "看看活动", main: true, page: "pages/activity/list" }] }),
  },
);
