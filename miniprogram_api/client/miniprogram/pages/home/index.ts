import { call } from "../../api/call";
import { tellUnread } from "../../api/live";
import { hasSession } from "../../api/session";
import { definePage } from "../../kit/page";
import type { Row, Section } from "../../kit/view";
import { clock, day, deadline, joined, local, moment } from "../../kit/words";
import { scanAnything } from "../../kit/scanning";

type Item = { kind: string; id: string; title: string; place: string; starts_at: string | null; until: string | null; for_whom: string; page: string };

const ICONS: Record<string, string> = { booking: "calendar", room_booking: "door", sign_up: "flag", wish: "heart", claim: "hand", announcement: "news", visit: "pin" };
const rowOf = (item: Item, untilWord: string): Row => ({
  id: item.kind + item.id,
  icon: ICONS[item.kind] ?? "bell",
  title: item.title,
  note: joined(item.for_whom && `为${item.for_whom}`, item.starts_at && moment(item.starts_at), item.place),
  side: item.until && !item.starts_at ? `${deadline(item.until)}${untilWord}` : "",
  page: item.page,
});
const part = (title: string, items: Item[], untilWord = "前", more?: Section["more"]): Section | null =>
  items.length ? { title, more, rows: items.map((item) => rowOf(item, untilWord)) } : null;

const greeting = () => ["夜深了", "早上好", "下午好", "晚上好"][Math.floor(local(new Date()).getHours() / 6)]!;

definePage({
  async load() {
    if (!hasSession()) return visitor();
    const [home, me] = await Promise.all([call("get_home"), call("get_me")]);
    tellUnread(home.unread);
    const waiting = [...home.offers, ...home.to_confirm, ...home.to_do, ...home.to_rate];
    const next = home.coming[0], unit = me.roles.find((role) => role.kind === "liaison");
    return {
      hero: true,
      title: `${greeting()}，${me.nickname}`,
      note: joined(me.community?.name ?? "还没有选择社区", next ? `${day(next.starts_at)} ${clock(next.starts_at!)} ${next.title}` : "近期没有安排"),
      share: { title: "邻里：社区的事，身边就能办" },
      sections: [
        !me.community && { text: "选择所在社区，就能看到身边的活动、心愿和服务。", acts: [{ word: "选择社区", main: true, page: "pages/community/choose" }] },
        {
          tiles: [
            { icon: "scan", word: "扫一扫", act: { word: "扫一扫", run: scanAnything } },
            { icon: "bell", word: "站内信", page: "pages/me/inbox", badge: home.unread },
            { icon: "pin", word: "反映问题", page: "pages/case/report" },
            me.roles.some((role) => role.kind !== "liaison") ? { icon: "desk", word: "工作端", page: "pages/staff/today" }
              : unit ? { icon: "building", word: "本单位", page: `pages/unit/check-ins?id=${unit.organization_id}` }
              : { icon: "flag", word: "双报到", page: "pages/check-in/mine" },
          ],
        },
        part("等您确认的名额", home.offers, "前答复"),
        part("等您确认", home.to_confirm),
        part("等您办理", home.to_do, "前完成"),
        part("请您评价", home.to_rate),
        part("接下来", home.coming, "前", { word: "日程", page: "pages/me/calendar" }),
        part("本社区的微心愿", home.wishes_nearby, "前希望实现", { word: "心愿墙", page: "pages/wish/wall" }),
        part("社区公告", home.notices, "前", { word: "全部", page: "pages/announcement/list" }),
        !waiting.length && !home.coming.length && !home.wishes_nearby.length && !home.notices.length && { empty: "今天没有要办的事。\n看看活动，或到邻里中心走走。" },
      ],
    };
  },
});

function visitor() {
  return {
    hero: true,
    title: "您好，邻居",
    note: "社区的事，身边就能办",
    share: { title: "邻里：社区的事，身边就能办" },
    sections: [
      {
        rows: [
          { id: "1", icon: "heart", title: "微心愿", note: "说出一个小心愿，或者帮邻居实现一个", page: "pages/wish/wall" },
          { id: "2", icon: "flag", title: "志愿活动", note: "报名、签到、记时长、开证明", page: "pages/activity/list" },
          { id: "3", icon: "building", title: "邻里中心", note: "预约服务、活动室，排号不用等", page: "pages/venue/list" },
          { id: "4", icon: "shield", title: "双报到", note: "党员向社区报到，认领岗位", page: "pages/check-in/mine" },
        ],
      },
    ],
    acts: [{ word: "微信登录", main: true, page: "pages/welcome/welcome" }],
  };
}
