import { definePage } from "../../kit/page";

definePage({
  async load({ id }) {
    return {
      title: "单位向社区报到",
      sections: [{ form: {
        word: "提交报到",
        operation: "apply_unit_check_in",
        body: { unit_id: id },
        fields: {
          area_id: { label: "结对的社区", kind: "find", find: "search_communities", required: true },
          party_organization_id: { label: "单位党组织", kind: "find", find: "search_party_organizations", required: true },
          unit_kind: { label: "单位类别" },
          member_count: { label: "党员人数" },
          "contact.name": { label: "联系人", required: true },
          "contact.phone": { label: "联系电话", required: true },
          offers: { label: "能提供的资源", hint: "用顿号隔开" },
        },
        moment: "unit_check_in_applied",
        done: "已提交，等社区接受",
        then: () => wx.redirectTo({ url: `/pages/unit/check-ins?id=${id}` }),
      } }],
    };
  },
});
