import { call } from "../../api/call";
import { hasSession } from "../../api/session";
import { definePage } from "../../kit/page";
import { joined, minutes, word } from "../../kit/words";

definePage({
  async load(_, chosen) {
    if (!hasSession()) return { hero: true, title: "您好", note: "登录后，在这里看到您的记录和设置", sections: [], acts: [{ word: "微信登录", main: true, page: "pages/welcome/welcome?to=pages%2Fme%2Findex" }] };
    const [me, totals] = await Promise.all([call("get_me"), call("get_my_service_totals")]);
    const large = !!wx.getStorageSync("large");
    const unit = me.roles.find((role) => role.kind === "liaison");
    const setLarge = () => {
      wx.setStorageSync("large", !large);
      const pages = getCurrentPages();
      pages.forEach((page) => page.setData({ large: !large }));
      return chosen.again();
    };
    return {
      hero: true,
      title: me.nickname,
      note: joined(me.community?.name ?? "还没有选择社区", me.grid?.name, `服务 ${minutes(totals.minutes)}`, `${totals.points} 积分`),
      sections: [
        {
          title: "我参与的",
          tiles: [
            { icon: "heart", word: "我的心愿", page: "pages/wish/mine" },
            { icon: "hand", word: "我的认领", page: "pages/wish/claims" },
            { icon: "flag", word: "我的报名", page: "pages/activity/mine" },
            { icon: "calendar", word: "我的预约", page: "pages/booking/mine" },
            { icon: "clock", word: "服务记录", page: "pages/me/service-record" },
            { icon: "star", word: "服务证明", page: "pages/me/certificates" },
            { icon: "people", word: "我的团队", page: "pages/team/mine" },
            { icon: "pin", word: "我的反映", page: "pages/case/mine" },
          ],
        },
        {
          title: "双报到",
          tiles: [
            { icon: "shield", word: "我的报到", page: "pages/check-in/mine" },
            { icon: "card", word: "党员身份", page: "pages/me/membership" },
            { icon: "desk", word: "我的岗位", page: "pages/posts/mine" },
            ...(unit ? [{ icon: "building", word: "本单位", page: `pages/unit/check-ins?id=${unit.organization_id}` }] : [{ icon: "file", word: "半年反馈", page: "pages/report/mine" }]),
          ],
        },
        {
          title: "我的信息",
          rows: [
            { id: "profile", icon: "person", title: "我的资料", note: joined(me.real_name, me.phone), page: "pages/me/profile" },
            { id: "family", icon: "people", title: "我的家人", page: "pages/me/family" },
            { id: "inbox", icon: "bell", title: "站内信和消息设置", page: "pages/me/inbox" },
            { id: "consents", icon: "file", title: "条款与隐私", note: "同意和撤回、信息副本、注销", page: "pages/me/consents" },
            { id: "large", icon: "letter", title: large ? "恢复标准字号" : "大字模式", note: large ? "字变回原来的大小" : "字更大，看得更清楚", act: { word: "大字", run: setLarge } },
            ...me.roles.map((role) => ({ id: role.kind + role.organization_id, icon: "desk", title: word("RoleKind", role.kind), note: role.organization_name, page: role.kind === "liaison" ? `pages/unit/check-ins?id=${role.organization_id}` : "pages/staff/today" })),
          ],
        },
      ],
    };
  },
});
