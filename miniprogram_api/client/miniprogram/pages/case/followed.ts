import { listPage } from "../../kit/page";
import { rowOfCase } from "./shown";

listPage("list_followed_cases", (one) => rowOfCase(one), { view: () => ({ empty: "没有跟进的事项" }) });
