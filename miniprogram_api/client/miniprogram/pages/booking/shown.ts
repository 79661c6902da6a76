import type { Answer } from "../../api/call";
import type { Row, Section, Tone } from "../../kit/view";
import { joined, moment, span, word } from "../../kit/words";

type Booking = Answer<"get_booking">;
type RoomBooking = Answer<"get_room_booking">;

/** How a state of a booking looks. */
export const BOOKING_TONES: Record<string, Tone> = { booked: "green", attended: "green", requested: "amber", waiting: "amber", no_show: "red", refused: "red" };

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
