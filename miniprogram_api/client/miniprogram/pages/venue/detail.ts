import { call } from "../../api/call";
import { hasSession } from "../../api/session";
import { definePage } from "../../kit/page";
import { clock, day, joined, minutes, word } from "../../kit/words";

const ICONS: Record<string, string> = { family_medicine: "plus", day_care: "home", early_education: "people", sports: "flag", mending: "gear", counter: "ticket", room: "door" };

definePage({
  shared: ({ id }) => call("show_shared_venue", { path: { venue_id: id! } }),
  async load({ id }) {
    const path = { venue_id: id! };
    const [venue, exceptions, duties, queues] = await Promise.all([
      call("get_venue", { path }),
      call("list_opening_exceptions", { path }),
      call("list_duties", { path, query: { days: 1 } }),
      call("list_queues", { path }),
    ]);
    const { location } = venue;
    return {
      title: venue.name,
      tag: word("VenueState", venue.state),
      tone: venue.state === "open" ? "green" : "grey",
      note: joined(word("VenueKind", venue.kind), venue.organization_name),
      share: { title: venue.name, imageUrl: venue.pictures[0]?.url },
      sections: [
        { pictures: venue.pictures, facts: [["地址", venue.address], ["开放", venue.opening], ["电话", venue.phone], ["设施", venue.facilities], ["无障碍", venue.accessibility.map((one) => word("Accessibility", one)).join("、")]] },
        { acts: [{ word: "看地图", run: () => wx.openLocation({ ...location, name: venue.name, address: venue.address }) }, ...(venue.phone ? [{ word: "打电话", run: () => wx.makePhoneCall({ phoneNumber: venue.phone }) }] : [])] },
        exceptions.length > 0 && { title: "特别安排", rows: exceptions.map((one) => ({ id: one.id, icon: "calendar", title: joined(day(one.day), word("ExceptionKind", one.kind)), note: joined(one.service_name, one.opens && `${one.opens}–${one.closes}`, one.reason) })) },
        {
          title: "服务",
          rows: venue.services.filter((one) => one.state === "offered").map((one) => ({
            id: one.id,
            icon: ICONS[one.kind] ?? "star",
            title: one.name,
            note: joined(word("ServiceMode", one.mode), one.minutes > 0 && minutes(one.minutes), one.price ? `${(one.price / 100).toFixed(2)}元` : "免费", one.who_may_book !== "anyone" && word("WhoMayBook", one.who_may_book)),
            side: joined(one.my_next_at && `我的预约：${day(one.my_next_at)} ${clock(one.my_next_at)}`, one.average_stars && `★ ${one.average_stars.toFixed(1)}（${one.rating_count}）`),
            page: `pages/service/detail?id=${one.id}`,
          })),
          empty: "暂时没有服务",
        },
        queues.length > 0 && { title: "窗口", rows: queues.map((one) => ({ id: one.service_id, icon: "ticket", title: one.service_name, note: `${one.waiting}人等待`, side: one.serving.map((now) => `${now.counter}：${now.number}号`).join("　"), page: `pages/service/detail?id=${one.service_id}` })) },
        (duties[0]?.duties.length ?? 0) > 0 && { title: "今天值班", rows: duties[0]!.duties.map((one) => ({ id: one.id, icon: "person", title: one.shown_as, note: joined(word("DutyKind", one.kind), `${one.opens}–${one.closes}`, one.service_name) })) },
        hasSession() && { acts: [{ word: "投诉和建议", danger: true, operation: "complain", path, fields: { text: { label: "说说情况" } }, note: "工作人员会在这里答复您。", done: "已提交", then: (one: { id: string }) => wx.navigateTo({ url: `/pages/venue/complaint?id=${one.id}` }) }] },
      ],
    };
  },
});
