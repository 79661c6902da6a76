import { call } from "../../api/call";
import { actsOf } from "../../kit/acts";
import { definePage } from "../../kit/page";
import { headOf } from "../booking/shown";
import { joined, moment } from "../../kit/words";

definePage({
  async load({ id }) {
    const path = { booking_id: id! };
    const [one, offered] = await Promise.all([call("show_room_booking_to_staff", { path }), call("list_room_booking_actions_of_staff", { path })]);
    const reason = { reason: { label: "原因（居民可见）", kind: "long" as const } };
    return {
      title: joined(one.name, one.service_name),
      ...headOf(one),
      sections: [{ facts: [["电话", one.phone], ["人数", one.party_size], ["备注", one.note], ["最晚答复", moment(one.answer_by)], ["到场", moment(one.arrived_at)]] }],
      acts: actsOf(offered, {
        approve: { word: "通过", main: true, operation: "approve_room_booking", path, done: "已通过" },
        refuse: { word: "不通过", danger: true, operation: "refuse_room_booking", path, fields: reason },
        mark_attended: { word: "已到场", main: true, operation: "mark_room_attended", path, done: "已登记" },
        mark_no_show: { word: "未到场", operation: "mark_room_no_show", path, ask: "记为爽约？" },
        cancel: { word: "取消预约", danger: true, operation: "cancel_room_booking_by_staff", path, fields: reason },
      }),
    };
  },
});
