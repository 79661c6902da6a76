import { listPage } from "../../kit/page";
import { day, joined, word } from "../../kit/words";

listPage(
  "list_posts",
  (one) => ({ id: one.id, icon: "desk", title: one.title, tag: one.free_places ? `余${one.free_places}` : "已满", tone: one.free_places ? "green" : "grey", note: one.duties, side: joined(one.category_name || word("PostCategory", one.category), one.term_ends_on && `至${day(one.term_ends_on)}`), page: `pages/post/detail?id=${one.id}` }),
  { asked: ({ id }) => ({ path: { community_id: id } }), view: () => ({ title: "正在招募的岗位", empty: "社区还没有设立岗位" }) },
);
