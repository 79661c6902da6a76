import { call } from "../../api/call";
import { definePage } from "../../kit/page";
import { APPLICATION } from "./shown";

definePage({
  shared: ({ id }) => call("show_shared_community", { path: { community_id: id! } }),
  async load({ id }) {
    const me = await call("get_me");
    const community_id = id ?? me.community?.id ?? "";
    if (!community_id) return { title: "向社区报到", sections: [{ text: "请先选择居住地社区。" }], acts: [{ word: "选择社区", main: true, page: `pages/community/choose?to=${encodeURIComponent("pages/check-in/apply")}` }] };
    const [card, given] = await Promise.all([call("show_shared_community", { path: { community_id } }), call("list_consents")]);
    const here = encodeURIComponent(`pages/check-in/apply?id=${community_id}`);
    if (!given.some((one) => one.kind === "membership_data" && one.is_current))
      return { title: `向${card.title}报到`, note: card.organization_name, sections: [{ text: "报到要用到您的党员身份信息。这是敏感个人信息，需要您单独同意。" }], acts: [{ word: "阅读并同意", main: true, page: `pages/me/consents?kind=membership_data&to=${here}` }] };
    return {
      title: `向${card.title}报到`,
      note: card.organization_name,
      share: { title: `党员到${card.title}报到` },
      sections: [{ form: { word: "提交报到", operation: "apply_check_in", body: { community_id }, fields: APPLICATION, values: { kind: "in_service" }, moment: "check_in_applied", done: "已提交，等社区确认", then: () => wx.redirectTo({ url: "/pages/check-in/mine" }) } }],
    };
  },
});
