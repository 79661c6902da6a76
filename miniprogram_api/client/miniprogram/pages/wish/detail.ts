import { call } from "../../api/call";
import { hasSession } from "../../api/session";
import { actsOf } from "../../kit/acts";
import { definePage, go } from "../../kit/page";
import type { Act } from "../../kit/view";
import { showWish } from "./shown";

definePage({
  shared: ({ id }) => call("show_shared_wish", { path: { wish_id: id! } }),
  async load({ id }) {
    const path = { wish_id: id! };
    const wish = await call("get_wish", { path });
    const offered = hasSession() ? await call("list_wish_actions", { path }) : [];
    const mayClaim = offered.some((action) => action.action === "claim" && action.ok);
    const [teams, me] = mayClaim ? await Promise.all([call("list_my_teams"), call("get_me")]) : [[], null];
    const claim = (word: string, body: object): Act => ({
      word, body, operation: "claim_wish", path, moment: "wish_claimed", done: "认领成功，谢谢您",
      ask: "认领后请尽快联系许愿人，并在期限内完成。",
    });
    const handOver = async () => {
      const { result } = await wx.scanCode({});
      await call("hand_over_wish", { path, body: { code: result } });
      go(`pages/wish/detail?id=${id}`);
    };
    const acts = actsOf(offered.filter(({ action, ok }) => ok || action !== "claim" || !wish.actors.includes("wisher")), {
      claim: { ...claim("我来认领", {}), main: true },
      edit: { word: "修改", page: `pages/wish/write?id=${id}` },
      submit: { word: "提交审核", main: true, operation: "submit_wish", path, moment: "wish_submitted", done: "已提交，社区会尽快审核" },
      renew: { word: "续期", main: true, operation: "renew_wish", path, fields: { wished_by: { label: "希望在哪天前实现" } } },
      withdraw: { word: "撤回心愿", danger: true, operation: "withdraw_wish", path, ask: "撤回后，心愿不再展示。" },
      take_share: { word: "我出一份力", operation: "take_share", path },
      end_share: (of) => ({ word: "退出这一份", danger: true, operation: "end_share", path: { ...path, helper_id: of }, ask: "确定退出吗？" }),
      add_note: { word: "写进展", operation: "add_wish_note", path, fields: { text: { label: "进展" }, picture_ids: true }, done: "已记录" },
      report_done: { word: "报告完成", main: true, operation: "report_wish_done", path, moment: "wish_reported", fields: { picture_ids: { label: "完成的照片", required: true }, note: { label: "说明" } }, done: "已报告，等许愿人确认" },
      hand_over: { word: "扫码交接", run: handOver },
      confirm: { word: "确认并评价", main: true, operation: "confirm_wish", path, fields: { stars: { label: "满意吗？" }, text: { label: "想说的话" }, picture_ids: true, agrees_to_show: { label: "同意展示这个故事" } }, done: "谢谢您的评价" },
      dispute: { word: "有异议", danger: true, operation: "dispute_wish", path, fields: { reason: { label: "哪里没有完成" } } },
      agree_to_show: { word: "是否展示故事", operation: "agree_to_show_wish", path, fields: { agrees: { label: "同意展示" } } },
      release: { word: "放弃认领", danger: true, operation: "release_claim", path, fields: { reason: { label: "原因" } }, then: () => go(`pages/wish/claims`) },
    });
    for (const team of teams.filter((one) => one.is_led_by_me)) acts.push(claim(`以“${team.name}”认领`, { team_id: team.id }));
    for (const role of me?.roles.filter((one) => one.kind === "liaison") ?? []) acts.push(claim(`以${role.organization_name}认领`, { unit_id: role.organization_id }));
    if (wish.actors.includes("wisher") && wish.claim?.state === "open") acts.push({ word: "出示交接码", page: `pages/wish/code?id=${id}` });
    if (wish.may_see_contact && !wish.actors.includes("wisher")) acts.push({ word: "联系方式", run: () => showContact(path) });
    return { ...showWish(wish), acts };
  },
});

async function showContact(path: { wish_id: string }): Promise<void> {
  const contact = await call("view_wish_contact", { path });
  const { confirm } = await wx.showModal({ title: contact.name, content: [contact.phone, contact.address, "查看已留下记录"].filter(Boolean).join("\n"), confirmText: "拨打", showCancel: true });
  if (confirm && contact.phone) await wx.makePhoneCall({ phoneNumber: contact.phone });
}
