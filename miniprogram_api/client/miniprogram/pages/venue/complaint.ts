import { call } from "../../api/call";
import { definePage } from "../../kit/page";
import { joined, moment, word } from "../../kit/words";

definePage({
  async load({ id }) {
    const one = await call("get_complaint", { path: { complaint_id: id! } });
    return {
      title: joined(one.venue_name, one.service_name),
      tag: word("ComplaintState", one.state),
      tone: one.state === "open" ? "amber" : "green",
      note: moment(one.created_at),
      sections: [{ title: "我说的", text: one.text }, one.answer ? { title: "答复", text: one.answer, facts: [["答复人", one.answer_by], ["时间", moment(one.answered_at)]] } : { empty: "工作人员会尽快答复" }],
    };
  },
});
