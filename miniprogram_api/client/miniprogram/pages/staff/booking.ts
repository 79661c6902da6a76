import { call } from "../../api/call";
import { actsOf } from "../../kit/acts";
import { definePage } from "../../kit/page";
import { headOf } from "../booking/shown";
import { joined, moment, word } from "../../kit/words";

definePage({
  async load({ id }) {
    const path = { booking_id: id! };
    const one = await call("show_booking_to_staff", { path });
    const [offered, visitors] = await Promise.all([call("list_booking_actions_of_staff", { path }), one.mode === "home_visit" ? call("list_visitors", { path: { service_id: one.service_id } }) : []]);
    const reason = { reason: { label: "原因（居民可见）", kind: "long" as const } };
    return {
      title: joined(one.name, one.service_name),
      ...headOf(one),
      sections: [{ facts: [["电话", one.phone], ["人数", one.party_size], ["方式", word("ServiceMode", one.mode)], ["备注", one.note], ["最晚答复", moment(one.answer_by)], ["到场", moment(one.arrived_at)], ["上门人员", visitors.find((each) => each.person_id === one.visitor_id)?.name]] }],
      acts: actsOf(offered, {
        approve: { word: "通过", main: true, operation: "approve_booking", path, done: "已通过" },
        refuse: { word: "不通过", danger: true, operation: "refuse_booking", path, fields: reason },
        assign_visitor: { word: "安排上门人员", main: true, operation: "assign_visitor", path, fields: { visitor_id: { label: "上门人员", kind: "choice", options: visitors.map((each): [string, string] => [each.person_id, each.name || each.nickname]) } } },
        mark_attended: { word: "已到场", main: true, operation: "mark_booking_attended", path, done: "已登记" },
        mark_no_show: { word: "未到场", operation: "mark_booking_no_show", path, ask: "记为爽约？" },
        cancel: { word: "取消预约", danger: true, operation: "cancel_booking_by_staff", path, fields: reason },
      }),
    };
  },
});
