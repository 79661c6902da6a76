import { call, download } from "../../api/call";
import { definePage } from "../../kit/page";
import { clock, day } from "../../kit/words";

/** A code of five minutes; drawn anew before it ends. */
definePage({
  async load() {
    const [card, picture] = await Promise.all([call("show_identity"), download("draw_identity_card", undefined)]);
    return {
      title: card.name,
      note: card.community,
      again: 240,
      sections: [{ pictures: [{ url: picture, thumbnail_url: picture }] }, { facts: [["报到", day(card.since)], ["岗位", card.posts.join("、")], ["有效至", clock(card.expires_at)]] }],
    };
  },
});
