import { listPage } from "../../kit/page";
import { joined, minutes, points, word } from "../../kit/words";

listPage(
  "list_unit_members",
  (one) => ({ id: one.membership_id, icon: "person", title: one.name, tag: word("CheckInState", one.state), tone: one.state === "confirmed" ? "green" : "grey", note: one.community_name, side: joined(`${one.times}次`, minutes(one.minutes), points(one.points)) }),
  { asked: ({ id }) => ({ path: { unit_id: id } }), view: () => ({ title: "党员的报到和服务", empty: "还没有党员报到" }) },
);
