import { listPage } from "../../kit/page";
import { day, joined, word } from "../../kit/words";

listPage(
  "list_fulfilled_wishes",
  ({ id, title, kind, community_name, fulfilled_on, days, story }) => ({
    id,
    icon: "star",
    picture: story?.pictures[0]?.thumbnail_url,
    title,
    tag: word("WishKind", kind),
    note: joined(community_name, `${day(fulfilled_on)}实现`),
    side: joined(`用了${days}天`, story?.helper_name && `${story.helper_name}帮助${story.beneficiary_name}`, story?.rating?.text),
  }),
  { view: () => ({ title: "已实现的心愿", empty: "还没有实现的心愿", share: { title: "这些小心愿，邻居帮着实现了" } }) },
);
