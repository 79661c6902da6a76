import { call } from "../../api/call";
import { actsOf } from "../../kit/acts";
import { definePage } from "../../kit/page";
import { joined, moment, span, word } from "../../kit/words";
import { BOOKING_TONES, ratingRow } from "./shown";

definePage({
  async load({ id }) {
    const path = { booking_id: id! };
    const [one, offered] = await Promise.all([call("get_room_booking", { path }), call("list_room_booking_actions", { path })]);
    return {
      title: one.service_name,
      tag: word("BookingState", one.state),
      tone: BOOKING_TONES[one.state],
      note: span(one.starts_at, one.ends_at),
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
          move: { word: "改期", page: `pages/service/detail?id=${one.service_id}&move=${id}` },
          rate: { word: "评价", main: true, operation: "rate_room_booking", path, fields: { stars: { label: "满意吗？" }, text: { label: "想说的话" } }, done: "谢谢您的评价" },
          cancel: { word: "取消预约", danger: true, operation: "cancel_room_booking", path, fields: {}, ask: "确定取消预约吗？", done: "已取消" },
          cancel_as_no_show: { word: "仍要取消（记爽约）", danger: true, operation: "cancel_room_booking", path, body: { accept_no_show: true }, fields: {}, ask: "已过取消期限，取消将记为一次爽约。", done: "已取消" },
        }),
      ],
    };
  },
});
