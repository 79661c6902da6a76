import { call } from "../../api/call";
import { actsOf } from "../../kit/acts";
import { definePage } from "../../kit/page";
import { day, word } from "../../kit/words";

definePage({
  shared: ({ id }) => call("show_shared_post", { path: { post_id: id! } }),
  async load({ id }) {
    const path = { post_id: id! };
    const [post, offered] = await Promise.all([call("show_post", { path }), call("list_post_actions", { path })]);
    const holding = offered.some((action) => action.action === "leave") ? (await call("list_my_posts")).find((one) => one.post_id === id && ["applied", "held"].includes(one.state)) : null;
    const mine = () => wx.redirectTo({ url: "/pages/posts/mine" });
    return {
      title: post.title,
      tag: word("PostState", post.state),
      tone: post.state === "open" ? "green" : "grey",
      note: post.category_name || word("PostCategory", post.category),
      share: { title: `社区岗位：${post.title}` },
      sections: [{ text: post.duties, facts: [["人数", `${post.places}人，还缺${post.free_places}人`], ["任期", `${day(post.term_starts_on)}起${post.term_ends_on ? `，至${day(post.term_ends_on)}` : ""}`]] }],
      acts: actsOf(offered, {
        apply: { word: "申请这个岗位", main: true, operation: "apply_for_post", path, moment: "post_applied", done: "已申请，等社区同意", then: mine },
        leave: { word: "退出岗位", danger: true, operation: "leave_post", path: { holding_id: holding?.id }, fields: { reason: { label: "原因" } }, then: mine },
      }),
    };
  },
});
