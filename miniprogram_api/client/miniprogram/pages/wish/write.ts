import { call } from "../../api/call";
import { definePage } from "../../kit/page";
import type { Act } from "../../kit/view";

const FIELDS: Act["fields"] = {
  title: { label: "心愿", hint: "一句话说清楚，如“想要一把轮椅坐垫”" },
  kind: { label: "需要什么" },
  audience: { label: "为谁" },
  text: { label: "详细情况", required: true },
  place: { label: "大致地点", hint: "所有人可见，不用写门牌" },
  wished_by: { label: "希望在哪天前实现", required: true },
  picture_ids: true,
  address: { label: "详细地址", hint: "加密保存，只有认领人在认领期间可见" },
  phone: { label: "联系电话", hint: "不填则用您绑定的手机号" },
};

definePage({
  async load({ id }) {
    const then = (wish: { id: string }) => wx.redirectTo({ url: `/pages/wish/detail?id=${wish.id}` });
    if (!id) return { sections: [{ form: { word: "保存，下一步", operation: "draft_wish", fields: FIELDS, then } }], title: "说出一个小心愿", note: "社区审核后上墙，由邻居、志愿者、党员或单位认领。" };
    const wish = await call("get_wish", { path: { wish_id: id } });
    return {
      title: "修改心愿",
      note: wish.reason,
      sections: [{ form: { word: "保存修改", operation: "edit_wish", path: { wish_id: id }, body: { version: wish.version }, fields: FIELDS, values: { ...wish, picture_ids: wish.pictures }, then } }],
    };
  },
});
