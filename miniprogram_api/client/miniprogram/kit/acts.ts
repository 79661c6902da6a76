import { here } from "./page";
import type { Act } from "./view";

type Offered = { action: string; ok: boolean; why?: string; words?: string; of?: string | null };

/** What only lacks something of one's own leads to the page where it is given, and back. */
const WAYS: Record<string, string> = {
  consent_needed: "pages/me/consents?to=",
  volunteer_needed: "pages/me/consents?kind=volunteer_terms&to=",
  phone_needed: "pages/me/phone?to=",
  name_needed: "pages/me/profile?to=",
  community_needed: "pages/community/choose?to=",
  not_checked_in: "pages/check-in/apply?to=",
};

/** The acts of what the API says somebody could do: those that the page knows, barred where they would be refused. */
export function actsOf(offered: Offered[], known: Record<string, Act | ((of: string) => Act)>): Act[] {
  return offered.flatMap(({ action, ok, why, words, of }): Act[] => {
    const found = known[action];
    if (!found) return [];
    const act = typeof found === "function" ? found(of ?? "") : found;
    if (ok) return [act];
    const way = WAYS[why ?? ""];
    return [{ ...act, barred: words || "现在不能进行此操作", way: way && way + encodeURIComponent(here()) }];
  });
}
