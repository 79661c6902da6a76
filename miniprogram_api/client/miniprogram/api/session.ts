import { SERVER } from "../config";
import { offline, Problem, readProblem } from "./problem";

const TOKEN = "token";
let signingIn: Promise<string> | null = null;

export const hasSession = () => !!wx.getStorageSync(TOKEN);
export const token = () => wx.getStorageSync(TOKEN) as string;

/** Sign in with WeChat. All who wait share one sign-in, and when it fails every one of them is told. */
export function signIn(): Promise<string> {
  signingIn ??= start().finally(() => (signingIn = null));
  return signingIn;
}

/** A session that has ended: renewed once for all who used it. Whoever signed out has to sign in by themselves. */
export function renew(old: string): Promise<string> {
  const now = token();
  return now && now !== old ? Promise.resolve(now) : signIn();
}

export function forget(): void {
  wx.removeStorageSync(TOKEN);
}

async function start(): Promise<string> {
  const { code } = await wx.login().catch(() => Promise.reject(new Problem("no_wechat", "微信登录没有成功，请重试")));
  return new Promise((resolve, reject) =>
    wx.request({
      url: `${SERVER}/api/v1/sessions`,
      method: "POST",
      header: { "content-type": "application/json" },
      data: { code },
      success: ({ statusCode, data }) => {
        if (statusCode !== 201) return reject(readProblem(statusCode, data));
        const session = (data as { token: string }).token;
        wx.setStorageSync(TOKEN, session);
        resolve(session);
      },
      fail: () => reject(offline()),
    }),
  );
}
