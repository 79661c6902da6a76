import { call } from "../../api/call";
import { actsOf } from "../../kit/acts";
import { definePage } from "../../kit/page";
import { moment, word } from "../../kit/words";
import { showWish } from "../wish/shown";

definePage({
  async load({ id }) {
    const path = { wish_id: id! };
    const [wish, offered] = await Promise.all([call("get_wish", { path }), call("list_wish_actions", { path })]);
    const claims = await call("list_claims_of_wish", { path }).catch(() => []);
    const reason = { reason: { label: "原因", kind: "long" as const } };
    const shown = showWish(wish);
    return {
      ...shown,
      sections: [...shown.sections, claims.length > 1 && { title: "以前的认领", rows: claims.slice(1).map((claim) => ({ id: claim.id, icon: "hand", title: claim.unit_name || claim.team_name || claim.claimer_name, tag: word("ClaimState", claim.state), note: moment(claim.claimed_at), side: claim.end_reason })) }],
      acts: actsOf(offered, {
        publish: { word: "发布", main: true, operation: "publish_wish", path, body: { version: wish.version }, fields: {}, ask: "发布到心愿墙？", done: "已发布" },
        return: { word: "退回修改", operation: "return_wish", path, fields: reason, done: "已退回" },
        refuse: { word: "不予发布", danger: true, operation: "refuse_wish", path, fields: reason, done: "已处理" },
        take_back: { word: "收回认领", operation: "take_back_wish", path, fields: reason },
        take_in: { word: "代收物品", main: true, operation: "take_in_wish", path, fields: { note: { label: "说明" } } },
        confirm_for_wisher: { word: "代为确认", main: true, operation: "confirm_wish_for_wisher", path, fields: { note: { label: "电话核实的情况" } } },
        uphold_report: { word: "处理争议", main: true, operation: "decide_wish_dispute", path, fields: { decision: { label: "认定" }, note: { label: "说明" } } },
      }),
    };
  },
});
