import { call } from "../../api/call";
import { hasSession } from "../../api/session";
import { arrive, definePage } from "../../kit/page";

definePage({
  shared: ({ id }) => call("show_shared_community", { path: { community_id: id! } }),
  async load({ id }) {
    const card = await call("show_shared_community", { path: { community_id: id! } });
    const here = encodeURIComponent(`pages/community/join?id=${id}`);
    return {
      title: card.title,
      note: card.organization_name,
      share: { title: `一起加入${card.title}` },
      sections: [{ text: "成为社区的一员：报名志愿服务、预约场馆、许下微心愿。" }],
      acts: hasSession()
        ? [{ word: "加入这个社区", main: true, operation: "choose_community", body: { community_id: id }, fields: {}, done: "已加入", then: () => arrive("") }]
        : [{ word: "微信登录并加入", main: true, page: `pages/welcome/welcome?to=${here}` }],
    };
  },
});
