import { call } from "../../api/call";
import { actsOf } from "../../kit/acts";
import { definePage } from "../../kit/page";
import { joined, span, word } from "../../kit/words";

definePage({
  async load({ id }) {
    const path = { activity_id: id! };
    const [one, offered] = await Promise.all([call("show_activity_to_staff", { path }), call("list_activity_actions_of_staff", { path })]);
    const reason = { reason: { label: "原因", kind: "long" as const } };
    return {
      title: one.title,
      tag: word("ActivityState", one.state),
      note: joined(word("ActivityKind", one.kind), one.team_name ?? one.organizer_name),
      sections: [
        { text: one.text, pictures: one.pictures, facts: [["地点", joined(one.place_name, one.meeting_point)], ["联系人", one.contact], ["说明", one.reason]] },
        { title: "场次", rows: one.shifts.map((shift) => ({ id: shift.id, icon: "calendar", title: span(shift.starts_at, shift.ends_at), tag: word("ShiftState", shift.state), note: shift.roles.map((role) => `${role.name} ${role.taken}/${role.capacity}`).join("，"), page: `pages/staff/shift?id=${shift.id}` })) },
      ],
      acts: actsOf(offered, {
        publish: { word: "发布", main: true, operation: "publish_activity", path, body: { version: one.version }, fields: {}, ask: "发布后居民可以报名。", done: "已发布" },
        submit: { word: "提交审核", main: true, operation: "submit_activity", path, moment: "activity_submitted", done: "已提交" },
        return: { word: "退回修改", operation: "return_activity", path, fields: reason },
        cancel: { word: "取消活动", danger: true, operation: "cancel_activity", path, fields: reason },
      }),
    };
  },
});
