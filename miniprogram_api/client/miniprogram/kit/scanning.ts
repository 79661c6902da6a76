import { call } from "../api/call";
import { Problem } from "../api/problem";
import { go, toast } from "./page";

/** What each kind of code does, by its beginning (the server's `RotatingCode`). */
const TAKERS: Record<string, (code: string) => unknown> = {
  console: (code) => go(`pages/staff/console?code=${encodeURIComponent(code)}`),
  guardian: (code) => go(`pages/me/family?code=${encodeURIComponent(code)}`),
  team: (code) => go(`pages/team/detail?code=${encodeURIComponent(code)}`),
  /** On a shift's screen: come or go, as the code says. */
  async LS1(code) {
    const [, shift_id = "", direction] = code.split(".");
    const mine = await call(direction === "out" ? "clock_out" : "clock_in", { path: { shift_id }, body: { code } });
    toast(direction === "out" ? "已签退，辛苦了" : "签到成功");
    go(`pages/activity/sign-up?id=${mine.sign_up.id}`);
  },
  /** On a venue's screen: what is booked now is attended, and the counter gives a number. */
  async LV1(code) {
    const found = await call("arrive", { body: { code } });
    toast("已登记到场");
    const [booking] = found.bookings, [room] = found.room_bookings, [ticket] = found.tickets;
    if (ticket) go(`pages/venue/ticket?id=${ticket.id}`);
    else if (booking) go(`pages/booking/detail?id=${booking.id}`);
    else if (room) go(`pages/booking/room?id=${room.id}`);
  },
};

/** Scan any code that stands on a wall, a screen or another phone, and do what it is for. */
export async function scanAnything(): Promise<void> {
  const scanned = await wx.scanCode({ scanType: ["qrCode", "wxCode"] }).catch(() => null);
  if (!scanned) return;
  const code = scanned.path || scanned.result;
  const taker = TAKERS[code.split(".")[0]!];
  try {
    if (taker) await taker(code);
    else if (/^pages\//.test(code) && !code.includes("scene=")) go(code);
    else go((await call("resolve_scene", { query: { scene: /[?&]scene=([^&]+)/.exec(code)?.[1] ?? code } })).page);
  } catch (error) {
    toast(error instanceof Problem ? error.words : "这不是邻里的二维码");
  }
}
