import { call } from "../../api/call";
import { actsOf } from "../../kit/acts";
import { definePage } from "../../kit/page";
import { joined, moment } from "../../kit/words";
import { actsOnBooking, headOf, ratingRow } from "./shown";

definePage({
  async load({ id }) {
    const path = { booking_id: id! };
    const [one, offered] = await Promise.all([call("get_booking", { path }), call("list_booking_actions", { path })]);
    return {
      title: one.service_name,
      ...headOf(one),
      sections: [
        { facts: [
          ["地点", one.mode === "home_visit" ? one.address : joined(one.venue_name, one.venue_address)],
          ["为谁", one.person_name],
          ["人数", one.party_size > 1 ? one.party_size : null],
          ["要带的材料", one.documents.join("、")],
          ["备注", one.note],
          ["候补", one.position ? `第${one.position}位` : null],
          ["请在此前确认", moment(one.offered_until)],
          ["最晚答复", one.state === "requested" ? moment(one.answer_by) : null],
          ["可改可退至", one.state === "booked" ? moment(one.change_until) : null],
          ["到场", moment(one.arrived_at)],
          ["原因", one.staff_reason || one.end_reason],
          ["电话", one.venue_phone],
        ] },
        ratingRow(one.rating),
      ],
      acts: [
        ...(one.series_id ? [{ word: "这一组预约", page: `pages/booking/series?id=${one.series_id}` }] : []),
        ...actsOf(offered, {
          accept: { word: "接受名额", main: true, operation: "accept_slot_offer", path, done: "已预约" },
          decline: { word: "放弃名额", danger: true, operation: "decline_slot_offer", path, ask: "名额将给下一位候补的邻居。" },
          ...actsOnBooking(one, path, "rate_booking", "cancel_booking"),
        }),
      ],
    };
  },
});
