import { call } from "../api/call";
import { Problem } from "../api/problem";
import { go, toast } from "./page";

/** What a code's beginning says it is for, and the page that takes it. */
const TAKERS: [RegExp, (code: string) => string][] = [
  [/^console\./, (code) => `pages/staff/console?code=${encodeURIComponent(code)}`],
  [/^guardian/, (code) => `pages/me/family?code=${encodeURIComponent(code)}`],
  [/^team/, (code) => `pages/team/detail?code=${encodeURIComponent(code)}`],
];

/** Scan any code that stands on a wall, a screen or another phone, and go where it leads. */
export async function scanAnything(): Promise<void> {
  const scanned = await wx.scanCode({ scanType: ["qrCode", "wxCode"] }).catch(() => null);
  if (!scanned) return;
  const code = (scanned as { path?: string }).path || scanned.result;
  const taker = TAKERS.find(([begins]) => begins.test(code));
  if (taker) return go(taker[1](code));
  if (/^pages\//.test(code) && !code.includes("scene=")) return go(code);
  try {
    go((await call("resolve_scene", { query: { scene: /[?&]scene=([^&]+)/.exec(code)?.[1] ?? code } })).page);
  } catch (error) {
    toast(error instanceof Problem ? error.words : "这不是邻里的二维码");
  }
}
