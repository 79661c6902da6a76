import type { Answer } from "../../api/call";
import type { Act, Row, Section, Tone } from "../../kit/view";
import { joined, moment, span, word } from "../../kit/words";

type Booking = Answer<"get_booking">;
type RoomBooking = Answer<"get_room_booking">;

/** How a state of a booking looks. */
export const BOOKING_TONES: Record<string, Tone> = { booked: "green", attended: "green", requested: "amber", waiting: "amber", no_show: "red", refused: "red" };

/** What of a booking stands first, to its people and to staff. */
export const headOf = (one: { state: string; starts_at: string; ends_at: string }) => ({
  tag: word("BookingState", one.state),
  tone: BOOKING_TONES[one.state],
  note: span(one.starts_at, one.ends_at),
});

/** What people do with a slot and with a room alike. */
export const actsOnBooking = (one: Booking | RoomBooking, path: { booking_id: string }, rate: "rate_booking" | "rate_room_booking", cancel: "cancel_booking" | "cancel_room_booking"): Record<string, Act> => ({
  move: { word: "改期", page: `pages/service/detail?id=${one.service_id}&move=${one.id}` },
  rate: { word: "评价", main: true, operation: rate, path, fields: { stars: { label: "满意吗？" }, text: { label: "想说的话" } }, done: "谢谢您的评价" },
  cancel: { word: "取消预约", danger: true, operation: cancel, path, fields: {}, ask: "确定取消预约吗？", done: "已取消" },
  cancel_as_no_show: { word: "仍要取消（记爽约）", danger: true, operation: cancel, path, body: { accept_no_show: true }, fields: {}, ask: "已过取消期限，取消将记为一次爽约。", done: "已取消" },
});

export const rowOfBooking = (one: Booking): Row => ({
  id: one.id,
  icon: "calendar",
  title: one.service_name,
  tag: word("BookingState", one.state),
  tone: BOOKING_TONES[one.state],
  note: joined(span(one.starts_at, one.ends_at), one.mode === "home_visit" ? "上门" : one.venue_name),
  side: joined(one.person_name, one.position ? `候补第${one.position}位` : ""),
  page: `pages/booking/detail?id=${one.id}`,
});

export const rowOfRoomBooking = (one: RoomBooking): Row => ({
  id: one.id,
  icon: "door",
  title: one.service_name,
  tag: word("BookingState", one.state),
  tone: BOOKING_TONES[one.state],
  note: joined(span(one.starts_at, one.ends_at), one.venue_name),
  page: `pages/booking/room?id=${one.id}`,
});

export const ratingRow = (rating: Booking["rating"]): Section | null =>
  rating ? { title: "我的评价", rows: [{ id: "rating", icon: "star", title: "★".repeat(rating.stars) + "☆".repeat(5 - rating.stars), note: rating.text, side: moment(rating.rated_at) }] } : null;
