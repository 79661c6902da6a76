import { call } from "../../api/call";
import { actsOf } from "../../kit/acts";
import { definePage } from "../../kit/page";
import { joined, moment, word } from "../../kit/words";

definePage({
  async load({ id }) {
    const path = { announcement_id: id! };
    const [one, offered] = await Promise.all([call("show_announcement_to_staff", { path }), call("list_announcement_actions", { path })]);
    return {
      title: one.title,
      tag: word("AnnouncementState", one.state),
      note: joined(one.organization_name, word("AnnouncementAudience", one.audience), moment(one.sent_at)),
      sections: [{ text: one.text, pictures: one.pictures }, { facts: [["应告知", one.expected ? `${one.expected}人` : null], ["已告知", one.told ? `${one.told}人` : null], ["已读", one.read ? `${one.read}人` : null]] }],
      acts: actsOf(offered, {
        send: { word: "发送", main: true, operation: "send_announcement", path, body: { version: one.version }, fields: {}, ask: "发送后不能修改。", done: "正在发送" },
        withdraw: { word: "撤回", danger: true, operation: "withdraw_announcement", path, ask: "撤回后居民不再看到。" },
      }),
    };
  },
});
