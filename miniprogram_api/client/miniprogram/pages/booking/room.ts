import { call } from "../../api/call";
import { actsOf } from "../../kit/acts";
import { definePage } from "../../kit/page";
import { joined, moment } from "../../kit/words";
import { actsOnBooking, headOf, ratingRow } from "./shown";

definePage({
  async load({ id }) {
    const path = { booking_id: id! };
    const [one, offered] = await Promise.all([call("get_room_booking", { path }), call("list_room_booking_actions", { path })]);
    return {
      title: one.service_name,
      ...headOf(one),
      sections: [
        { facts: [
          ["地点", joined(one.venue_name, one.venue_address)],
          ["人数", one.party_size],
          ["备注", one.note],
          ["最晚答复", one.state === "requested" ? moment(one.answer_by) : null],
          ["可改可退至", one.state === "booked" ? moment(one.change_until) : null],
          ["到场", moment(one.arrived_at)],
          ["原因", one.staff_reason],
        ] },
        ratingRow(one.rating),
      ],
      acts: [
        ...(one.series_id ? [{ word: "这一组预约", page: `pages/booking/series?id=${one.series_id}` }] : []),
        ...actsOf(offered, {
          ...actsOnBooking(one, path, "rate_room_booking", "cancel_room_booking"),
        }),
      ],
    };
  },
});
