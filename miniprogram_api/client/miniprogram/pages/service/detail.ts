import { call, type Answer } from "../../api/call";
import { hasSession } from "../../api/session";
import { definePage, go, type Chosen } from "../../kit/page";
import type { Act, Section, View } from "../../kit/view";
import { clock, joined, minutes, shortDay, span, word } from "../../kit/words";
import { lengthsFrom, startsIn } from "./times";

const DAYS = 14;
type Service = Answer<"get_service">;
type Kept = Chosen["kept"];

/** A time is chosen first; then it is booked, waited for, repeated, or a booking (`move`) is moved there. */
definePage({
  shared: ({ id }) => call("show_shared_service", { path: { service_id: id! } }),
  async load({ id, move }, { kept, isFresh }) {
    if (isFresh || !kept.read) kept.read = await read(id!);
    const { service, slots, room, persons } = kept.read as Read;
    const head: Omit<View, "sections"> = { title: service.name, note: joined(word("ServiceMode", service.mode), minutes(service.minutes), service.price ? `${(service.price / 100).toFixed(2)}元` : "免费"), share: { title: service.name } };
    const about: Section[] = [
      { text: service.description, facts: [["谁可以约", word("WhoMayBook", service.who_may_book)], ["要带的材料", service.documents.join("、")], ["需要审核", service.needs_approval ? `${service.answer_within_hours}小时内答复` : null]] },
    ];
    if (service.kind === "counter") return { ...head, sections: about, acts: [{ word: "取号排队", main: true, operation: "take_ticket", path: { service_id: id! }, moment: "ticket_taken", then: (one: { id: string }) => go(`pages/venue/ticket?id=${one.id}`) }] };
    const picked = room ? pickRoom(room, kept) : pickSlot(slots!, kept);
    return { ...head, sections: [...picked.sections, ...about], acts: picked.time ? actsFor(service, picked, persons, move) : [] };
  },
});

type Read = Awaited<ReturnType<typeof read>>;
/** All that a day, a time and a person are chosen among, so that a tap has its answer at once. */
async function read(id: string) {
  const path = { service_id: id }, service = await call("get_service", { path });
  const asked = { path, query: { days: DAYS } }, isRoom = service.kind === "room", isCounter = service.kind === "counter";
  const [slots, room, family] = await Promise.all([
    isRoom || isCounter ? null : call("get_availability", asked),
    isRoom ? call("get_room_days", asked) : null,
    !isCounter && hasSession() ? call("list_dependants") : [],
  ]);
  const persons = [["", "本人"], ...family.filter((one) => one.is_accepted).map((one) => [one.person_id, one.name])] as [string, string][];
  return { service, slots, room, persons };
}

interface Picked {
  sections: Section[];
  time?: { starts_at: string; ends_at?: string };
  waits?: boolean;
  limits: { max_party_size: number; max_repeats: number; not_eligible: string };
}

const dayChips = (days: string[], kept: Kept, isOff: (day: string) => boolean): Section => ({
  title: "日期",
  chips: days.map((one) => ({ ...shortDay(one), on: kept.day === one, off: isOff(one), act: { word: one, keeps: { day: one, time: undefined, length: undefined } } })),
});

function pickSlot(found: Answer<"get_availability">, kept: Kept): Picked {
  kept.day ??= found.days.find((one) => one.slots.some((slot) => slot.availability === "free"))?.day ?? found.days[0]?.day;
  const slots = found.days.find((one) => one.day === kept.day)?.slots ?? [];
  const now = slots.find((slot) => slot.starts_at === kept.time);
  return {
    limits: found.limits,
    time: now && { starts_at: now.starts_at },
    waits: now?.availability === "waiting_list",
    sections: [
      found.limits.not_eligible ? { text: found.limits.not_eligible } : {},
      dayChips(found.days.map((one) => one.day), kept, (one) => !found.days.find((each) => each.day === one)!.slots.some((slot) => ["free", "waiting_list"].includes(slot.availability))),
      {
        title: "时间",
        chips: slots.filter((slot) => slot.availability !== "over").map((slot) => {
          const open = ["free", "waiting_list"].includes(slot.availability);
          const note = slot.availability === "free" ? `余${slot.free}` : word("Availability", slot.availability);
          return { word: clock(slot.starts_at), note, on: kept.time === slot.starts_at, off: !open, act: open ? { word: "", keeps: { time: slot.starts_at } } : { word: "", barred: word("Availability", slot.availability) } };
        }),
        empty: slots.some((slot) => slot.availability !== "over") ? undefined : "这一天不能预约了",
      },
    ],
  };
}

function pickRoom(found: Answer<"get_room_days">, kept: Kept): Picked {
  kept.day ??= found.days.find((one) => one.free.length)?.day ?? found.days[0]?.day;
  const free = found.days.find((one) => one.day === kept.day)?.free ?? [];
  const lengths = kept.time ? lengthsFrom(kept.time, free, found.shortest_minutes, found.longest_minutes) : [];
  const ends = kept.time && kept.length ? new Date(new Date(kept.time).getTime() + kept.length * 60_000).toISOString() : "";
  return {
    limits: found.limits,
    time: ends ? { starts_at: kept.time, ends_at: ends } : undefined,
    sections: [
      found.limits.not_eligible ? { text: found.limits.not_eligible } : {},
      dayChips(found.days.map((one) => one.day), kept, (one) => !found.days.find((each) => each.day === one)!.free.length),
      { title: "从几点", chips: startsIn(free, found.shortest_minutes).map((start) => ({ word: clock(start), on: kept.time === start, act: { word: "", keeps: { time: start, length: undefined } } })), empty: free.length ? undefined : "这一天没有空闲" },
      lengths.length ? { title: "用多久", chips: lengths.map((length) => ({ word: minutes(length), on: kept.length === length, act: { word: "", keeps: { length } } })) } : {},
    ],
  };
}

function actsFor(service: Service, { time, waits, limits }: Picked, persons: [string, string][], move: string | undefined): Act[] {
  const room = service.kind === "room", path = { service_id: service.id };
  const open = (one: { id: string }) => wx.redirectTo({ url: room ? `/pages/booking/room?id=${one.id}` : `/pages/booking/detail?id=${one.id}` });
  const when = span(time!.starts_at, time!.ends_at ?? null);
  if (move) return [{ word: `改到${when}`, main: true, operation: room ? "move_room_booking" : "move_booking", path: { booking_id: move }, body: time, done: "已改期", then: open }];
  const fields: Act["fields"] = {
    person_id: persons.length > 1 ? { label: "为谁预约", kind: "choice", options: persons } : undefined,
    party_size: limits.max_party_size > 1 ? { label: `人数（最多${limits.max_party_size}人）` } : undefined,
    note: { label: "备注" },
    address: service.mode === "home_visit" ? { label: "上门地址", required: true } : undefined,
  };
  const base = { path, body: { ...time, ...(waits ? { wait: true } : {}) }, fields, values: { party_size: 1 }, note: when, moment: room ? "room_booked" : "slot_booked" };
  const acts: Act[] = [{ ...base, word: waits ? "排队候补" : "预约", main: true, operation: room ? "book_room" : "book_slot", done: waits ? "已进入候补" : "已预约", then: open }];
  if (limits.max_repeats > 1 && !waits)
    acts.unshift({ ...base, word: "连续预约", operation: room ? "book_room_series" : "book_slot_series", fields: { ...fields, times: { label: `共几次（最多${limits.max_repeats}次）`, required: true }, every_weeks: { label: "每几周一次" } }, values: { party_size: 1, times: 4, every_weeks: 1 }, then: (one: { id: string }) => wx.redirectTo({ url: `/pages/booking/series?id=${one.id}` }) });
  return acts;
}
