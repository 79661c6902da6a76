import { listPage } from "../../kit/page";
import { rowOfCase } from "./shown";

listPage("list_my_cases", (one) => rowOfCase(one), {
  view: () => ({ empty: "您还没有反映过问题", acts: [{ word: "我跟进的", page: "pages/case/followed" }, { word: "反映一件事", main: true, page: "pages/case/report" }] }),
});
