import type { Act } from "./view";

type Offered = { action: string; ok: boolean; words?: string; of?: string | null };

/** The acts of what the API says somebody could do: those that the page knows, barred where they would be refused. */
export function actsOf(offered: Offered[], known: Record<string, Act | ((of: string) => Act)>): Act[] {
  return offered.flatMap(({ action, ok, words, of }) => {
    const found = known[action];
    if (!found) return [];
    const act = typeof found === "function" ? found(of ?? "") : found;
    return [{ ...act, barred: ok ? undefined : words || "现在不能进行此操作" }];
  });
}
