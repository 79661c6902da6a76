import { listPage } from "../../kit/page";
import { deadline, joined, word } from "../../kit/words";
import { TONES } from "./shown";

listPage(
  "list_my_wish_claims",
  ({ id, state, due_at, wish, end_reason }) => ({
    id,
    icon: "hand",
    picture: wish.thumbnail_url,
    title: wish.title,
    tag: word("ClaimState", state),
    tone: TONES[state],
    note: joined(wish.community_name, wish.beneficiary_name),
    side: state === "open" ? `请在${deadline(due_at)}前完成` : end_reason,
    page: `pages/wish/detail?id=${wish.id}`,
  }),
  {
    asked: ({ unit, team }) => ({ query: { unit_id: unit, team_id: team } }),
    view: () => ({ empty: "您还没有认领过心愿", acts: [{ word: "去心愿墙看看", main: true, page: "pages/wish/wall" }] }),
  },
);
