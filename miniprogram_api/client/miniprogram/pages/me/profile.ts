import { call } from "../../api/call";
import { forget } from "../../api/session";
import { arrive, definePage } from "../../kit/page";

definePage({
  async load(_, chosen) {
    const me = await call("get_me");
    const details = (me.real_name || me.phone || me.address) && chosen.kept.clear ? await call("get_my_details") : null;
    const signOut = async () => {
      await call("sign_out").catch(() => null);
      forget();
      arrive("");
    };
    return {
      title: me.nickname,
      note: "姓名、手机号和住址加密保存，只有为您办事的工作人员可以查看，并留下记录。",
      sections: [
        {
          facts: [
            ["社区", me.community?.name ?? "未选择"],
            ["网格", me.grid?.name],
            ["姓名", (details?.real_name || me.real_name || "未填写") + (me.name_is_verified ? "（已核实）" : "")],
            ["手机号", details?.phone || me.phone || "未绑定"],
            ["住址", details?.address || me.address || "未填写"],
            ["出生日期", me.birth_date],
          ],
          acts: [
            { word: chosen.kept.clear ? "隐去" : "显示完整信息", keeps: { clear: !chosen.kept.clear } },
            { word: "更换社区", page: "pages/community/choose?to=pages%2Fme%2Fprofile" },
          ],
        },
        {
          acts: [
            { word: "修改昵称", operation: "change_profile", body: { version: me.version }, fields: { nickname: true }, values: { nickname: me.nickname }, done: "已修改" },
            { word: "填写姓名和住址", operation: "give_details", fields: { real_name: { label: "姓名" }, birth_date: true, address: { label: "住址" } }, values: { birth_date: me.birth_date ?? "" }, done: "已保存" },
          ],
        },
        { acts: [{ word: me.phone ? "更换手机号" : "绑定手机号", main: !me.phone, page: "pages/me/phone" }, { word: "退出登录", danger: true, run: signOut }] },
      ],
    };
  },
});
