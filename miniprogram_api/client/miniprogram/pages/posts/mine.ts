import { call } from "../../api/call";
import { definePage } from "../../kit/page";
import { joined, moment, word } from "../../kit/words";

definePage({
  async load() {
    const [mine, me] = await Promise.all([call("list_my_posts"), call("get_me")]);
    return {
      sections: [
        {
          rows: mine.map((one) => ({
            id: one.id,
            icon: "desk",
            title: one.title,
            tag: word("HoldingState", one.state),
            tone: one.state === "held" ? ("green" as const) : one.state === "applied" ? ("amber" as const) : ("grey" as const),
            note: joined(one.community_name, moment(one.decided_at ?? one.applied_at)),
            side: one.reason,
            page: `pages/post/detail?id=${one.post_id}`,
            acts: one.state === "held" || one.state === "applied" ? [{ word: one.state === "held" ? "卸任" : "撤回", danger: true, operation: "leave_post" as const, path: { holding_id: one.id }, fields: { reason: { label: "原因" } } }] : [],
          })),
          empty: "您还没有岗位",
        },
      ],
      acts: me.community ? [{ word: "看看社区岗位", main: true, page: `pages/posts/list?id=${me.community.id}` }] : [],
    };
  },
});
