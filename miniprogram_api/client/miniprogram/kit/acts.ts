import { here } from "./page";
import type { Act } from "./view";

type Offered = { action: string; ok: boolean; why?: string; words?: string; of?: string | null };

/** The acts of what the API says somebody could do: those that the page knows, barred where they would be refused. */
export function actsOf(offered: Offered[], known: Record<string, Act | ((of: string) => Act)>): Act[] {
  return offered.flatMap(({ action, ok, why, words, of }): Act[] => {
    const found = known[action];
    if (!found) return [];
    const act = typeof found === "function" ? found(of ?? "") : found;
    // What only lacks an agreement leads to the text, and back.
    if (why === "consent_needed") return [{ word: act.word, main: act.main, page: `pages/me/consents?to=${encodeURIComponent(here())}` }];
    return [{ ...act, barred: ok ? undefined : words || "现在不能进行此操作" }];
  });
}
