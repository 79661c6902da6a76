import type { Answer } from "../../api/call";
import type { Row, Tone } from "../../kit/view";
import { distance, joined, moment, span, word } from "../../kit/words";

type Card = Answer<"list_activities">["items"][0];
type Mine = Answer<"get_sign_up">["sign_up"];

/** How a place in a shift looks. */
export const PLACE_TONES: Record<string, Tone> = { confirmed: "green", attended: "green", waiting: "amber", offered: "red", no_show: "red" };

export const rowOfActivity = (one: Card): Row => ({
  id: one.id,
  icon: "flag",
  picture: one.thumbnail_url,
  title: one.title,
  tag: one.mine ? word("PlaceState", one.mine) : one.free ? `余${one.free}` : "已满",
  tone: one.mine ? PLACE_TONES[one.mine] : one.free ? "green" : "grey",
  note: joined(span(one.starts_at, one.ends_at), one.place_name, distance(one.meters)),
  side: joined(word("ActivityKind", one.kind), one.team_name ?? one.organizer_name),
  page: `pages/activity/detail?id=${one.id}`,
});

/** Where one stands on the waiting list, and until when an offer holds. */
export const positionOf = (mine: Mine): string =>
  joined(mine.position && mine.state === "waiting" ? `候补第${mine.position}位` : "", mine.offered_until ? `请在${moment(mine.offered_until)}前确认` : "");
