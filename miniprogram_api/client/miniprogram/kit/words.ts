import { WORDS } from "../api/described";

/** The Chinese word of a value, as the API's document gives it. */
export function word(kind: string, value: string | null | undefined): string {
  return (value && WORDS[kind]?.[value]) || value || "";
}

const WEEKDAYS = "日一二三四五六";
const two = (number: number) => String(number).padStart(2, "0");

/** Shanghai's wall clock, whatever the phone's. */
export function local(moment: string | Date): Date {
  const date = typeof moment === "string" ? new Date(moment) : moment;
  return new Date(date.getTime() + (date.getTimezoneOffset() + 480) * 60_000);
}

export const dayOf = (date: Date) => `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
export const clock = (moment: string) => ((at) => `${two(at.getHours())}:${two(at.getMinutes())}`)(local(moment));

/** A day: 今天, 明天, 12月3日 周三. */
export function day(iso: string | null | undefined): string {
  if (!iso) return "";
  const at = iso.length === 10 ? new Date(Number(iso.slice(0, 4)), Number(iso.slice(5, 7)) - 1, Number(iso.slice(8))) : local(iso);
  const today = local(new Date()), apart = Math.round((new Date(dayOf(at)).getTime() - new Date(dayOf(today)).getTime()) / 86_400_000);
  const near = ["昨天", "今天", "明天", "后天"][apart + 1];
  if (near) return near;
  const year = at.getFullYear() === today.getFullYear() ? "" : `${at.getFullYear()}年`;
  return `${year}${at.getMonth() + 1}月${at.getDate()}日 周${WEEKDAYS[at.getDay()]}`;
}

export const moment = (iso: string | null | undefined) => (iso ? `${day(iso)} ${clock(iso)}` : "");
export const span = (from: string, until: string | null) => (until ? `${moment(from)}–${clock(until)}` : moment(from));

/** The end of a day is that day, not the midnight after it. */
export const deadline = (iso: string) => (clock(iso) === "00:00" ? day(new Date(new Date(iso).getTime() - 60_000).toISOString()) : moment(iso));

/** A day in two short lines, for a row of days to choose from. */
export function shortDay(iso: string): { word: string; note: string } {
  const [name = "", weekday] = day(iso).split(" ");
  return { word: name, note: weekday ?? `周${WEEKDAYS[new Date(Number(iso.slice(0, 4)), Number(iso.slice(5, 7)) - 1, Number(iso.slice(8))).getDay()]}` };
}

export function minutes(count: number): string {
  const hours = Math.floor(count / 60), rest = count % 60;
  return hours && rest ? `${hours}小时${rest}分钟` : hours ? `${hours}小时` : `${rest}分钟`;
}

/** Never 分 alone: beside a time that reads as minutes. */
export const points = (count: number) => `${count}积分`;

/** This half-year and the one before, as tabs: the one that ended last comes first. */
export function halfYears(): { value: string; word: string }[] {
  const at = local(new Date()), year = at.getFullYear();
  const values = at.getMonth() < 6 ? [`${year - 1}H2`, `${year}H1`] : [`${year}H1`, `${year}H2`];
  return values.map((value) => ({ value, word: halfYear(value) }));
}
export const halfYear = (period: string) => period.replace("H1", "年上半年").replace("H2", "年下半年");

export const distance = (meters: number | null | undefined) =>
  !meters ? "" : meters < 1000 ? `${meters}米` : `${(meters / 1000).toFixed(1)}公里`;

/** What there is of several words, with dots between. */
export const joined = (...words: (string | null | undefined | false | 0)[]) => words.filter(Boolean).join(" · ");
