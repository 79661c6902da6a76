import { call } from "../../api/call";
import { definePage } from "../../kit/page";
import { dayOf, joined, local, span, word } from "../../kit/words";
import { BOOKING_TONES } from "../booking/shown";

/** A day at a venue: who is booked, the screen's code, the counters, and what residents said. */
definePage({
  async load({ id }, { tab }) {
    const path = { venue_id: id! }, at = local(new Date());
    at.setDate(at.getDate() + Number(tab || 0));
    const day = dayOf(at);
    const [venue, slots, rooms, complaints] = await Promise.all([
      call("get_venue", { path }),
      call("list_day_bookings", { path, query: { day } }),
      call("list_day_room_bookings", { path, query: { day } }),
      call("list_complaints", { path, query: {} }),
    ]);
    const counters = venue.services.filter((one) => one.kind === "counter" && one.state === "offered");
    return {
      title: venue.name,
      note: venue.opening,
      tabs: ["今天", "明天", "后天"].map((word, value) => ({ value: String(value), word })),
      sections: [
        { tiles: [
          { icon: "card", word: "到场码", page: `pages/staff/venue-code?id=${id}` },
          { icon: "calendar", word: "值班", page: `pages/staff/duties?id=${id}` },
          ...counters.map((one) => ({ icon: "ticket", word: `叫号 ${one.name}`, page: `pages/staff/calling?service=${one.id}` })),
        ] },
        {
          title: "预约",
          rows: [
            ...slots.items.map((one) => ({ id: one.id, icon: "calendar", title: joined(one.name, one.service_name), tag: word("BookingState", one.state), tone: BOOKING_TONES[one.state], note: joined(span(one.starts_at, one.ends_at), one.phone), page: `pages/staff/booking?id=${one.id}` })),
            ...rooms.items.map((one) => ({ id: one.id, icon: "door", title: joined(one.name, one.service_name), tag: word("BookingState", one.state), tone: BOOKING_TONES[one.state], note: joined(span(one.starts_at, one.ends_at), one.phone), page: `pages/staff/room-booking?id=${one.id}` })),
          ],
          empty: "这天没有预约",
        },
        complaints.items.length > 0 && { title: "待答复的意见", rows: complaints.items.map((one) => ({ id: one.id, icon: "chat", title: one.text, note: joined(one.name, one.service_name), page: `pages/staff/complaint?id=${one.id}` })) },
      ],
    };
  },
});
