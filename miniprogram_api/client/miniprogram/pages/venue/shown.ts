import type { Answer } from "../../api/call";
import type { Row } from "../../kit/view";
import { distance, joined, word } from "../../kit/words";

type Venue = Answer<"list_venues">["items"][0];

/** A venue; `number` is the one that it has on the plan. */
export const rowOfVenue = (one: Venue, number = 0): Row => ({
  id: one.id,
  icon: "building",
  picture: one.thumbnail_url,
  title: number ? `${number}. ${one.name}` : one.name,
  tag: word("VenueKind", one.kind),
  note: joined(one.address, distance(one.meters)),
  side: one.opening,
  page: `pages/venue/detail?id=${one.id}`,
});
