import { call } from "../../api/call";
import { actsOf } from "../../kit/acts";
import { definePage } from "../../kit/page";
import { scanAnything } from "../../kit/scanning";
import { joined, minutes, moment, span, word } from "../../kit/words";
import { PLACE_TONES, positionOf } from "./shown";

definePage({
  async load({ id }, chosen) {
    const path = { sign_up_id: id! };
    const [found, offered] = await Promise.all([call("get_sign_up", { path }), call("list_sign_up_actions", { path })]);
    const mine = found.sign_up, isOn = mine.state === "confirmed" && !mine.sign_out_at;
    const pass = isOn && chosen.kept.pass ? await call("show_shift_pass", { path }) : null;
    const place = async () => {
      const here = await wx.getLocation({ type: "gcj02" });
      const body = { location: { longitude: here.longitude, latitude: here.latitude }, person_id: mine.person_id };
      await call(mine.sign_in_at ? "clock_out" : "clock_in", { path: { shift_id: found.shift_id }, body });
      return chosen.again();
    };
    return {
      title: found.title,
      tag: word("PlaceState", mine.state),
      tone: PLACE_TONES[mine.state],
      note: positionOf(mine),
      sections: [
        pass && { code: { picture: pass.picture, note: "请负责人扫一扫，为您签到" } },
        {
          facts: [
            ["时间", span(found.starts_at, found.ends_at)],
            ["地点", joined(found.place_name, found.meeting_point)],
            ["岗位", found.role_name],
            ["参加人", joined(mine.person_name, ...mine.family.map((one) => one.name))],
            ["签到", moment(mine.sign_in_at)],
            ["签退", moment(mine.sign_out_at)],
            ["服务时长", mine.confirmed_minutes ? minutes(mine.confirmed_minutes) : null],
            ["可取消至", mine.state === "confirmed" && !mine.sign_in_at ? moment(found.cancel_until) : null],
            ["原因", mine.end_reason || mine.why],
          ],
        },
        isOn && {
          title: mine.sign_in_at ? "签退" : "签到",
          acts: [{ word: "扫现场的码", main: true, run: scanAnything }, { word: mine.sign_in_at ? "定位签退" : "定位签到", run: place }, { word: chosen.kept.pass ? "收起凭证" : "出示凭证", keeps: { pass: !chosen.kept.pass } }],
        },
      ],
      acts: [
        { word: "查看活动", page: `pages/activity/detail?id=${found.activity_id}` },
        ...actsOf(offered, {
          accept: { word: "接受名额", main: true, operation: "accept_shift_offer", path, done: "已确认报名" },
          decline: { word: "放弃名额", danger: true, operation: "decline_shift_offer", path, ask: "名额将给下一位候补的邻居。" },
          cancel: { word: "取消报名", danger: true, operation: "cancel_sign_up", path, body: mine.family.length ? {} : { with_family: false }, fields: mine.family.length ? { with_family: { label: "家人也一起取消" } } : {}, ask: "确定取消报名吗？", done: "已取消" },
          rate: { word: "评价活动", main: true, operation: "rate_shift", path, fields: { stars: { label: "满意吗？" }, text: { label: "想说的话" } }, done: "谢谢您的评价" },
        }),
      ],
    };
  },
});
