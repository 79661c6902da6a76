import type { Answer } from "../../api/call";
import { listPage } from "../../kit/page";
import { rowOfWish } from "./shown";

const KINDS = [["", "全部"], ["thing", "物品"], ["service", "服务"], ["skill", "技能"], ["company", "陪伴"]] as const;
type Card = Answer<"list_published_wishes">["items"][0];

listPage("list_published_wishes", (wish: Card) => rowOfWish(wish), {
  asked: (_, { tab, search }) => ({ query: { kind: tab === "all" ? "" : tab, search } }),
  view: () => ({
    search: "搜索心愿",
    tabs: KINDS.map(([value, word]) => ({ value: value || "all", word })),
    before: [{ tiles: [
      { icon: "plus", word: "许心愿", page: "pages/wish/write" },
      { icon: "heart", word: "我的心愿", page: "pages/wish/mine" },
      { icon: "hand", word: "我的认领", page: "pages/wish/claims" },
      { icon: "star", word: "心愿故事", page: "pages/wish/stories" },
    ] }],
    empty: "现在没有等待认领的心愿",
    share: { title: "邻里心愿墙：帮邻居实现一个小心愿" },
  }),
});
