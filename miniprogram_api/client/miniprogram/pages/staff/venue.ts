import { call } from "../../api/call";
import { definePage } from "../../kit/page";
import { dayOf, joined, local, span, word } from "../../kit/words";
import { BOOKING_TONES } from "../booking/shown";

/** Today at a venue: who is booked, the screen's code, the counters, and what residents said. */
definePage({
  async load({ id }) {
    const path = { venue_id: id! }, today = dayOf(local(new Date()));
    const [venue, slots, rooms, complaints] = await Promise.all([
      call("get_venue", { path }),
      call("list_day_bookings", { path, query: { day: today } }),
      call("list_day_room_bookings", { path, query: { day: today } }),
      call("list_complaints", { path, query: {} }),
    ]);
    const counters = venue.services.filter((one) => one.kind === "counter" && one.state === "offered");
    return {
      title: venue.name,
      note: venue.opening,
      sections: [
        { tiles: [
          { icon: "card", word: "到场码", page: `pages/staff/venue-code?id=${id}` },
          { icon: "calendar", word: "值班", page: `pages/staff/duties?id=${id}` },
          ...counters.map((one) => ({ icon: "ticket", word: `叫号 ${one.name}`, page: `pages/staff/calling?service=${one.id}` })),
        ] },
        {
          title: "今天的预约",
          rows: [
            ...slots.items.map((one) => ({ id: one.id, icon: "calendar", title: joined(one.name, one.service_name), tag: word("BookingState", one.state), tone: BOOKING_TONES[one.state], note: joined(span(one.starts_at, one.ends_at), one.phone), page: `pages/staff/booking?id=${one.id}` })),
            ...rooms.items.map((one) => ({ id: one.id, icon: "door", title: joined(one.name, one.service_name), tag: word("BookingState", one.state), tone: BOOKING_TONES[one.state], note: joined(span(one.starts_at, one.ends_at), one.phone), page: `pages/staff/room-booking?id=${one.id}` })),
          ],
          empty: "今天没有预约",
        },
        complaints.items.length > 0 && { title: "待答复的意见", rows: complaints.items.map((one) => ({ id: one.id, icon: "chat", title: one.text, note: joined(one.name, one.service_name), page: `pages/staff/complaint?id=${one.id}` })) },
      ],
    };
  },
});
