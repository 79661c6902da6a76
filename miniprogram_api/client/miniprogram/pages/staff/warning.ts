import { call } from "../../api/call";
import { definePage } from "../../kit/page";
import type { Act } from "../../kit/view";
import { joined, moment, word } from "../../kit/words";

definePage({
  async load({ id }) {
    const path = { warning_id: id! };
    const one = await call("show_warning", { path });
    const acts: Act[] = [
      { word: "撤销", danger: true, operation: "dismiss_warning", path, fields: { reason: { label: "原因", kind: "long" } } },
      { word: "已知悉", operation: "acknowledge_warning", path, done: "已知悉" },
      { word: "着手处理", main: true, operation: "act_on_warning", path, done: "已记下" },
    ];
    return {
      title: one.words,
      tag: word("WarningState", one.state),
      tone: "amber",
      note: joined(one.organization_name, one.month, moment(one.raised_at)),
      sections: [{ text: one.reason }, { facts: [["知悉", joined(one.acknowledged_by, moment(one.acknowledged_at))], ["处理", joined(one.acting_by, one.doing)], ["撤销", joined(one.dismissed_by, one.dismissal)], ["解除", moment(one.over_at)]] }],
      acts: one.over_at || one.dismissed_at ? [] : acts,
    };
  },
});
