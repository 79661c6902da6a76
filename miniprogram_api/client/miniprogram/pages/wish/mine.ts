import { listPage } from "../../kit/page";
import { rowOfWish } from "./shown";

listPage("list_my_wishes", (wish) => rowOfWish(wish, true), {
  view: () => ({ empty: "您还没有许过心愿", acts: [{ word: "许一个心愿", main: true, page: "pages/wish/write" }] }),
});
