import { call } from "../../api/call";
import { definePage } from "../../kit/page";
import { APPLICATION } from "./shown";

definePage({
  async load() {
    const [mine, membership] = await Promise.all([call("get_my_check_ins"), call("get_my_membership").catch(() => null)]);
    const one = mine.pending ?? mine.active;
    if (!one) return { title: "没有报到申请", sections: [] };
    const values = { ...one, kind: membership?.kind ?? "in_service", home_text: membership?.home_organization ?? "", skills: one.skills.join("、"), willing: one.willing.join("、"), free_times: one.free_times.join("、") };
    return {
      title: "修改报到申请",
      note: one.reason,
      sections: [{ form: { word: "重新提交", operation: "apply_check_in_again", path: { check_in_id: one.id }, body: { community_id: one.community_id, version: one.version }, fields: APPLICATION, values, done: "已提交", then: () => wx.redirectTo({ url: "/pages/check-in/mine" }) } }],
    };
  },
});
