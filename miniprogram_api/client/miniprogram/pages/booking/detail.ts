import { call } from "../../api/call";
import { actsOf } from "../../kit/acts";
import { definePage } from "../../kit/page";
import { joined, moment, span, word } from "../../kit/words";
import { BOOKING_TONES, ratingRow } from "./shown";

definePage({
  async load({ id }) {
    const path = { booking_id: id! };
    const [one, offered] = await Promise.all([call("get_booking", { path }), call("list_booking_actions", { path })]);
    return {
      title: one.service_name,
      tag: word("BookingState", one.state),
      tone: BOOKING_TONES[one.state],
      note: span(one.starts_at, one.ends_at),
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
          move: { word: "改期", page: `pages/service/detail?id=${one.service_id}&move=${id}` },
          rate: { word: "评价", main: true, operation: "rate_booking", path, fields: { stars: { label: "满意吗？" }, text: { label: "想说的话" } }, done: "谢谢您的评价" },
          cancel: { word: "取消预约", danger: true, operation: "cancel_booking", path, fields: {}, ask: "确定取消预约吗？", done: "已取消" },
          cancel_as_no_show: { word: "仍要取消（记爽约）", danger: true, operation: "cancel_booking", path, body: { accept_no_show: true }, fields: {}, ask: "已过取消期限，取消将记为一次爽约。", done: "已取消" },
        }),
      ],
    };
  },
});
