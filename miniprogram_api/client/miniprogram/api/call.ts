import type { operations } from "../../typings/api";
import { SERVER } from "../config";
import { OPERATIONS } from "./described";
import { offline, Problem, readProblem } from "./problem";
import { hasSession, renew, token } from "./session";

export type Name = keyof operations;
type Json<T> = T extends { content: { "application/json": infer Body } } ? Body : undefined;
type Good<R> = R extends { 200: infer A } ? Json<A> : R extends { 201: infer B } ? Json<B> : undefined;
export type Answer<N extends Name> = Good<operations[N]["responses"]>;
type Part<N extends Name, P extends string> = operations[N] extends { parameters: { [K in P]?: infer V } } ? V : undefined;
type Body<N extends Name> = operations[N] extends { requestBody: { content: { "application/json": infer B } } } ? B : undefined;

export interface Given<N extends Name> {
  path?: Part<N, "path">;
  query?: Part<N, "query">;
  body?: Body<N>;
}

/** Keys of what was sent and not answered: the same thing sent again is the same request to the server. */
const unanswered = new Map<string, string>();

/** Call an operation of the API by its name. Rejects with a Problem. */
export async function call<N extends Name>(name: N, given: Given<N> = {}): Promise<Answer<N>> {
  const operation = OPERATIONS[name];
  if (!operation) throw new Error(`${name} is not described: npm run types`);
  if (!operation.anyone && !hasSession()) throw new Problem("not_signed_in", "请先登录");
  const used = token();
  const url = address(operation.path, given.path ?? {}, given.query ?? {});
  const content = `${operation.method} ${url} ${JSON.stringify(given.body ?? null)}`;
  const send = (session: string) => request(operation.method, url, given.body, session, operation.once ? keyOf(content) : "");
  try {
    const answer = await send(used).catch(async (problem: Problem) => {
      if (problem.status !== 401 || !used) throw problem;
      return send(await renew(used));
    });
    unanswered.delete(content);
    return answer as Answer<N>;
  } catch (error) {
    if (error instanceof Problem && error.status >= 400 && error.status < 500) unanswered.delete(content);
    throw error;
  }
}

function keyOf(content: string): string {
  const known = unanswered.get(content) ?? Array.from({ length: 3 }, () => Math.random().toString(36).slice(2, 12)).join("");
  unanswered.set(content, known);
  return known;
}

export function address(path: string, inPath: object, query: object): string {
  const values = inPath as Record<string, string>;
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ""));
  const asked = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const search = asked.map(([key, value]) => `${key}=${encodeURIComponent(String(value))}`).join("&");
  return `${SERVER}/api/v1${filled}${search ? "?" + search : ""}`;
}

function request(method: string, url: string, body: unknown, session: string, key: string): Promise<unknown> {
  const header: Record<string, string> = {};
  if (body !== undefined) header["content-type"] = "application/json";
  if (session) header.authorization = `Bearer ${session}`;
  if (key) header["idempotency-key"] = key;
  return new Promise((resolve, reject) =>
    wx.request({
      url,
      method: method as "GET",
      header,
      data: body as object,
      success: ({ statusCode, data }) => (statusCode < 300 ? resolve(data) : reject(readProblem(statusCode, data))),
      fail: () => reject(offline()),
    }),
  );
}

/** A file that the API draws, in a temporary place on the phone. */
export async function download<N extends Name>(name: N, path: Part<N, "path">): Promise<string> {
  const url = address(OPERATIONS[name]!.path, path ?? {}, {});
  const { statusCode, tempFilePath } = await new Promise<WechatMiniprogram.DownloadFileSuccessCallbackResult>((success, reject) =>
    wx.downloadFile({ url, header: { authorization: `Bearer ${token()}` }, success, fail: () => reject(offline()) }),
  );
  if (statusCode !== 200) throw new Problem("not_drawn", "图片没有生成，请稍后再试");
  return tempFilePath;
}

/** Upload a picture; its id. */
export async function upload(filePath: string): Promise<{ id: string; thumbnail_url: string }> {
  const { statusCode, data } = await new Promise<WechatMiniprogram.UploadFileSuccessCallbackResult>((success, reject) =>
    wx.uploadFile({
      url: `${SERVER}/api/v1/pictures`,
      filePath,
      name: "file",
      header: { authorization: `Bearer ${token()}` },
      success,
      fail: () => reject(offline()),
    }),
  );
  const said = JSON.parse(data || "{}") as { id: string; thumbnail_url: string };
  if (statusCode !== 201) throw readProblem(statusCode, said);
  return said;
}
