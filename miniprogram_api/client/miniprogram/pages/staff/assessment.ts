import { call } from "../../api/call";
import { definePage } from "../../kit/page";
import { joined, moment, word } from "../../kit/words";

/** Read on the move; what is decided about it is decided in the console. */
definePage({
  async load({ id }) {
    const one = await call("show_assessment", { path: { assessment_id: id! } });
    return {
      title: one.organization_name,
      tag: word("AssessmentState", one.state),
      note: joined(one.period, one.total_points !== null && `${one.total_points}分`),
      sections: [
        { facts: [["总分", one.total_points], ["居民评价", one.residents_points], ["参评居民", `${one.votes}人`], ["告知", moment(one.notified_at)], ["定案", moment(one.final_at)]] },
        one.self_words ? { title: "自评", text: one.self_words } : null,
        one.appeal ? { title: "申诉", text: one.appeal } : null,
        one.answer ? { title: "答复", text: one.answer } : null,
      ],
    };
  },
});
