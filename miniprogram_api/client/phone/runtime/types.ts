import type { Phone } from "./main";

/** The values that an element's properties have now. */
export type Shown = Record<string, unknown>;

declare global {
  interface Window {
    phone: Phone;
  }
}
