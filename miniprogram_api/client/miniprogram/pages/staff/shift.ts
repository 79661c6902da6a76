import { call } from "../../api/call";
import { actsOf } from "../../kit/acts";
import { definePage } from "../../kit/page";
import type { Act } from "../../kit/view";
import { clock, joined, minutes, span, word } from "../../kit/words";
import { PLACE_TONES } from "../activity/shown";
import { scanPass } from "./scanning";

/** Who came: by the code on the screen, by scanning their pass, or from the list. Then it is confirmed. */
definePage({
  async load({ id }, chosen) {
    const path = { shift_id: id! };
    const [one, found, offered] = await Promise.all([call("show_shift_to_staff", { path }), call("list_shift_sign_ups", { path }), call("list_shift_actions_of_staff", { path })]);
    const mark = (sign_up_id: string, direction: "in" | "out", word: string): Act => ({ word, operation: "mark_attendance_list", path, body: { marks: [{ sign_up_id, direction }] }, fields: {}, done: `已${word}` });
    const open = found.items.filter((row) => row.state === "confirmed" && !row.hours_id);
    const confirm: Act = {
      word: "确认出勤",
      main: true,
      operation: "confirm_attendance",
      path,
      body: { persons: open.map((row) => ({ sign_up_id: row.id, is_absent: !row.sign_in_at })) },
      fields: {},
      ask: `${open.filter((row) => row.sign_in_at).length}人计入服务时长，${open.filter((row) => !row.sign_in_at).length}人记为未到场。`,
      done: "已确认",
    };
    return {
      title: one.title,
      tag: word("ShiftState", one.shift.state),
      note: joined(span(one.shift.starts_at, one.shift.ends_at), one.place_name),
      sections: [
        { tiles: [
          { icon: "scan", word: "扫签到凭证", act: { word: "扫码", run: () => scanPass(id!, "in").then(chosen.again) } },
          { icon: "scan", word: "扫签退凭证", act: { word: "扫码", run: () => scanPass(id!, "out").then(chosen.again) } },
          { icon: "card", word: "签到码", page: `pages/staff/shift-code?id=${id}&direction=in` },
          { icon: "card", word: "签退码", page: `pages/staff/shift-code?id=${id}&direction=out` },
        ] },
        {
          title: `${found.items.length}人报名`,
          rows: found.items.map((row) => ({
            id: row.id,
            icon: "person",
            title: joined(row.name || row.nickname, row.role_name),
            tag: word("PlaceState", row.state),
            tone: PLACE_TONES[row.state],
            note: joined(row.phone, row.sign_in_at && `签到 ${clock(row.sign_in_at)}`, row.sign_out_at && `签退 ${clock(row.sign_out_at)}`),
            side: joined(row.confirmed_minutes !== null && minutes(row.confirmed_minutes), word("HoursState", row.hours_state)),
            acts: row.state === "confirmed" && !row.hours_id ? (row.sign_in_at ? (row.sign_out_at ? [] : [mark(row.id, "out", "签退")]) : [mark(row.id, "in", "签到")]) : [],
          })),
          empty: "还没有人报名",
        },
      ],
      acts: [
        ...(open.length && new Date(one.shift.ends_at) < new Date() ? [confirm] : []),
        ...actsOf(offered.filter((action) => action.action === "cancel" && action.ok), { cancel: { word: "取消场次", danger: true, operation: "cancel_shift", path, fields: { reason: { label: "原因", kind: "long" } } } }),
      ],
    };
  },
});
