import { call } from "../../api/call";
import { toast } from "../../kit/page";

/** Scan somebody's pass, and say who came or why not. */
export async function scanPass(shift_id: string, direction: "in" | "out"): Promise<void> {
  const { result } = await wx.scanCode({});
  const nonce = Array.from({ length: 2 }, () => Math.random().toString(36).slice(2, 12)).join("");
  const { results } = await call("take_pass_scans", { path: { shift_id }, body: { scans: [{ code: result, direction, scanned_at: new Date().toISOString(), nonce }] } });
  const [scan] = results;
  toast(scan?.problem ? `${scan.name} ${scan.problem}` : `${scan?.name} ${direction === "in" ? "已签到" : "已签退"}`);
}
