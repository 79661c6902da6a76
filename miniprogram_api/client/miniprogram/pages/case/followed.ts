import { listPage } from "../../kit/page";
import { rowOfCase } from "./shown";

listPage("list_followed_cases", (one) => rowOfCase(one), { view: () => ({ empty: "您还没有跟进的事项。\n邻居反映的同一件事，可以跟进，有进展会告诉您。", acts: [{ word: "反映一件事", page: "pages/case/report" }] }) });
