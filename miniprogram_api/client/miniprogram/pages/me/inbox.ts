import { call } from "../../api/call";
import { tellUnread } from "../../api/live";
import { go, listPage } from "../../kit/page";
import { moment } from "../../kit/words";

listPage(
  "list_inbox",
  (message) => ({
    id: message.id,
    icon: "bell",
    title: message.title,
    unread: !message.read_at,
    note: message.text,
    side: moment(message.created_at),
    act: {
      word: message.title,
      moment: "inbox_opened",
      async run() {
        if (!message.read_at) await call("read_message", { path: { message_id: message.id } });
        if (message.page) go(message.page);
      },
    },
  }),
  {
    asked: (_, { tab }) => ({ query: { unread: tab === "unread" || undefined } }),
    view(found) {
      tellUnread(found.unread);
      return {
        tabs: [{ value: "all", word: "全部" }, { value: "unread", word: `未读 ${found.unread}` }],
        empty: "没有消息",
        acts: [{ word: "消息设置", page: "pages/me/preferences" }, ...(found.unread ? [{ word: "全部已读", main: true, operation: "read_all_messages" as const }] : [])],
      };
    },
  },
);
