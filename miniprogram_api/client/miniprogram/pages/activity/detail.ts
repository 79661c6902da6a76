import { call } from "../../api/call";
import { hasSession } from "../../api/session";
import { actsOf } from "../../kit/acts";
import { definePage, go } from "../../kit/page";
import { joined, minutes, moment, span, word } from "../../kit/words";
import { scanAnything } from "../../kit/scanning";
import { positionOf } from "./shown";

/** Shifts that one can still do something with; their acts are asked for one by one. */
const ASKED = 6;

definePage({
  shared: ({ id }) => call("show_shared_activity", { path: { activity_id: id! } }),
  async load({ id, shift: wanted }) {
    const activity = await call("get_activity", { path: { activity_id: id! } });
    const coming = activity.shifts.filter((shift) => new Date(shift.ends_at) > new Date()).sort((one) => (one.id === wanted ? -1 : 0));
    const family = hasSession() ? (await call("list_dependants")).filter((one) => one.is_accepted) : [];
    const offered = hasSession() ? await Promise.all(coming.slice(0, ASKED).map((shift) => call("list_shift_actions", { path: { shift_id: shift.id } }))) : [];
    const { location } = activity;
    return {
      title: activity.title,
      tag: word("ActivityState", activity.state),
      tone: activity.state === "published" ? "green" : "grey",
      note: joined(word("ActivityKind", activity.kind), activity.team_name ?? activity.organizer_name),
      share: { title: activity.title, imageUrl: activity.pictures[0]?.url },
      sections: [
        activity.reason ? { title: "通知", text: activity.reason } : null,
        { pictures: activity.pictures, text: activity.text },
        {
          facts: [
            ["地点", activity.place_name],
            ["集合", activity.meeting_point],
            ["请带好", activity.what_to_bring],
            ["联系人", activity.contact],
            ["面向", activity.who.audience && activity.who.audience !== "everyone" ? word("ActivityAudience", activity.who.audience) : null],
            ["年龄", activity.who.min_age || activity.who.max_age ? `${activity.who.min_age ?? 0}–${activity.who.max_age ?? ""}岁` : null],
            ["特长", activity.who.needed_skill],
            ["服务时长", activity.who.min_minutes ? `满${minutes(activity.who.min_minutes)}` : null],
          ],
          acts: location ? [{ word: "看地图", run: () => wx.openLocation({ latitude: location.latitude, longitude: location.longitude, name: activity.place_name, address: activity.meeting_point }) }] : [],
        },
        ...coming.map((shift, index) => {
          const path = { shift_id: shift.id }, mine = shift.mine;
          const roleOf = (role: string) => shift.roles.find((one) => one.id === role);
          const then = (answer: { sign_up: { id: string } }) => go(`pages/activity/sign-up?id=${answer.sign_up.id}`);
          return {
            title: span(shift.starts_at, shift.ends_at),
            facts: [["报名截止", moment(shift.sign_up_closes_at)], ["可取消至", moment(shift.cancel_until)], ["情况", shift.state === "cancelled" ? joined(word("ShiftState", shift.state), shift.reason) : ""]] as [string, string][],
            rows: [
              ...shift.roles.map((role) => ({ id: role.id, icon: "people", title: role.name, tag: role.free ? `余${role.free}` : role.may_wait ? "可候补" : "已满", tone: role.free ? ("green" as const) : ("amber" as const), note: joined(`共${role.capacity}人`, role.waiting > 0 && `${role.waiting}人候补`, role.needed_skill) })),
              ...(mine ? [{ id: mine.id, icon: "check", title: `我的报名：${word("PlaceState", mine.state)}`, note: positionOf(mine), page: `pages/activity/sign-up?id=${mine.id}` }] : []),
            ],
            acts: actsOf(offered[index] ?? [], {
              sign_up: (of) => ({
                word: shift.roles.length > 1 ? `报名${roleOf(of)?.name}` : roleOf(of)?.free ? "报名" : "候补",
                main: true,
                operation: "sign_up",
                path,
                body: { shift_role_id: of },
                fields: family.length ? { family_ids: { label: "一起参加的家人", kind: "many", options: family.map((one) => [one.person_id, one.name]) } } : {},
                moment: "shift_signed_up",
                done: "报名成功",
                then,
              }),
            }),
          };
        }),
        !coming.length && { empty: "这个活动已经结束" },
      ],
      acts: hasSession() ? (activity.shifts.some((shift) => shift.mine) ? [{ word: "扫码签到", run: scanAnything }] : []) : [{ word: "登录后报名", main: true, page: `pages/welcome/welcome?to=${encodeURIComponent(`pages/activity/detail?id=${id}`)}` }],
    };
  },
});
