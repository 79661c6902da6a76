import { call, download } from "../../api/call";
import { Problem } from "../../api/problem";
import { definePage, here } from "../../kit/page";
import { clock, day } from "../../kit/words";

/** A code of five minutes; drawn anew before it ends. Whoever has not agreed to show it is asked first. */
definePage({
  async load() {
    const card = await call("show_identity").catch((problem: unknown) => (problem instanceof Problem && problem.code === "consent_needed" ? null : Promise.reject(problem)));
    if (!card) return {
      title: "亮身份",
      sections: [{ text: "亮出党员身份和岗位，让邻居认得您。\n这要您单独同意，随时可以撤回。" }],
      acts: [{ word: "阅读并同意", main: true, page: `pages/me/consents?kind=show_identity&to=${encodeURIComponent(here())}` }],
    };
    const picture = await download("draw_identity_card", undefined);
    return {
      title: card.name,
      note: card.community,
      again: 240,
      sections: [{ drawing: picture }, { facts: [["报到", day(card.since)], ["岗位", card.posts.join("、")], ["有效至", clock(card.expires_at)]] }],
    };
  },
});
