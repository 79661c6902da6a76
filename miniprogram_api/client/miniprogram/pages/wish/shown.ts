import type { Answer } from "../../api/call";
import type { Row, Tone, View } from "../../kit/view";
import { day, deadline, distance, joined, moment, word } from "../../kit/words";

type Wish = Answer<"get_wish">;
type Card = Answer<"list_published_wishes">["items"][0];

/** How a state of a wish or a claim looks. */
export const TONES: Record<string, Tone> = {
  published: "red", claimed: "amber", reported: "amber", open: "amber", disputed: "red", fulfilled: "green", returned: "red", submitted: "amber", amended: "amber",
};

export const rowOfWish = (wish: Card, own = false): Row => ({
  id: wish.id,
  icon: "heart",
  picture: wish.thumbnail_url,
  title: wish.title,
  tag: own ? word("WishState", wish.state) : word("WishKind", wish.kind),
  tone: own ? TONES[wish.state] : undefined,
  note: joined(word("WishAudience", wish.audience), wish.community_name, wish.place, distance(wish.meters)),
  side: wish.reason || wish.time_left || (wish.wished_by ? `希望在${day(wish.wished_by)}前实现` : ""),
  page: `pages/wish/detail?id=${wish.id}`,
});

/** A wish with its claim, as everybody who may see it sees it. */
export function showWish(wish: Wish): View {
  const { claim } = wish;
  return {
    title: wish.title,
    tag: word("WishState", wish.state),
    tone: TONES[wish.state],
    note: joined(word("WishAudience", wish.audience), wish.beneficiary_name, wish.community_name),
    share: { title: `邻居的心愿：${wish.title}`, imageUrl: wish.pictures[0]?.url },
    sections: [
      wish.reason ? { title: "社区的话", text: wish.reason } : null,
      { text: wish.text, pictures: wish.pictures },
      {
        facts: [
          ["类别", word("WishKind", wish.kind)],
          ["数量", wish.quantity > 1 ? wish.quantity : null],
          ["地点", wish.place],
          ["希望日期", wish.wished_by ? `${day(wish.wished_by)}前` : null],
          ["代为发布", wish.is_on_behalf ? "是" : null],
        ],
      },
      claim && {
        title: "认领",
        facts: [
          ["认领人", claim.unit_name || claim.team_name || claim.claimer_name],
          ["状态", word("ClaimState", claim.state)],
          ["认领时间", moment(claim.claimed_at)],
          ["完成期限", claim.state === "open" ? `${deadline(claim.due_at)}前` : null],
          ["还差", claim.quantity > 1 && claim.shares.length ? claim.quantity - claim.pledged : null],
          ["完成说明", claim.note],
          ["异议", claim.dispute_reason],
          ["社区意见", claim.staff_note],
        ],
        pictures: claim.pictures,
      },
      claim?.progress.length ? { title: "进展", rows: claim.progress.map((note) => ({ id: note.id, icon: "chat", title: note.text || "照片", note: joined(note.author_name, moment(note.written_at)), picture: note.pictures[0]?.thumbnail_url })) } : null,
      claim?.rating ? { title: "评价", rows: [{ id: "rating", icon: "star", title: "★".repeat(claim.rating.stars) + "☆".repeat(5 - claim.rating.stars), note: joined(claim.rating.text, moment(claim.rating.rated_at)) }], pictures: claim.thanks_pictures } : null,
    ],
  };
}
