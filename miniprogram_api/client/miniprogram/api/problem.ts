/** Why something was not done, as the server says it (RFC 9457), or because it was not reached. */
export class Problem extends Error {
  constructor(
    readonly code: string,
    readonly title: string,
    readonly detail = "",
    readonly fields: { field: string; problem: string }[] = [],
    readonly status = 0,
  ) {
    super(title);
  }

  get words(): string {
    return this.detail || this.title;
  }
}

export const offline = () => new Problem("offline", "连接不上网络", "请检查网络后重试。已填写的内容不会丢失。");

export function readProblem(status: number, data: unknown): Problem {
  const said = (typeof data === "object" && data ? data : {}) as Record<string, any>;
  return new Problem(said.code ?? "unavailable", said.title ?? "服务暂时不可用，请稍后再试", said.detail ?? "", said.errors ?? [], status);
}
