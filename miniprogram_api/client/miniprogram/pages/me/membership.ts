import { call } from "../../api/call";
import type { Problem } from "../../api/problem";
import { definePage } from "../../kit/page";
import { joined, moment, word } from "../../kit/words";

definePage({
  async load() {
    const mine = await call("get_my_membership").catch((problem: Problem) => (problem.status === 404 ? null : Promise.reject(problem)));
    if (!mine) return { title: "我的党员身份", sections: [{ empty: "社区还没有登记您的党员身份。\n在职党员可以先向社区报到。" }], acts: [{ word: "向社区报到", main: true, page: "pages/check-in/apply" }] };
    const { transfer } = mine;
    return {
      title: word("MemberKind", mine.kind),
      note: mine.home_organization,
      sections: [
        { facts: [["所属党组织", mine.home_organization + (mine.home_is_matched ? "" : "（待核对）")], ["报到社区", joined(mine.community_name, mine.grid_name)], ["亮身份", mine.shows_identity ? "已同意" : "未同意"], ["联系人", mine.contact?.name]] },
        transfer && {
          title: "组织关系转入",
          facts: [["社区", transfer.community_name], ["状态", word("TransferState", transfer.state)], ["邀请时间", moment(transfer.offered_at)], ["说明", transfer.reason]],
          acts: transfer.state === "offered" ? [{ word: "不转入", danger: true, operation: "answer_transfer", body: { accept: false }, fields: { reason: { label: "原因" } } }, { word: "同意转入", main: true, operation: "answer_transfer", body: { accept: true }, fields: {}, ask: "同意把组织关系转入社区党组织？" }] : [],
        },
      ],
      acts: [{ word: "亮身份", main: true, page: "pages/me/identity" }],
    };
  },
});
