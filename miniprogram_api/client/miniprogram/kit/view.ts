import type { Name } from "../api/call";
import type { Field } from "../api/operation";

export type Tone = "red" | "green" | "amber" | "grey";

/** Something that can be done: going to a page, or an operation of the API, perhaps with a form. */
export interface Act {
  word: string;
  /** Set where a page keeps its acts. */
  id?: string;
  main?: boolean;
  danger?: boolean;
  /** Why it cannot be done now, in words. */
  barred?: string;
  /** The page that leads past what bars it. */
  way?: string;
  page?: string;
  /** A choice among what is on the page, which keeps these. */
  keeps?: object;
  run?(): unknown;
  operation?: Name;
  path?: object;
  body?: object;
  /** Which fields a form shows, in this order, and how they differ from the document. All that are not in `body`, if unsaid. */
  fields?: Record<string, Partial<Field> | true | undefined>;
  /** What the form begins with. */
  values?: object;
  /** A question before it is done. */
  ask?: string;
  /** A sentence above the form. */
  note?: string;
  /** What is said when it was done. */
  done?: string;
  /** The moment at which to ask for subscribe messages (`to-ask`). */
  moment?: string;
  /** Where to go when it was done. Unsaid: the page is read anew. */
  then?(answer: any): unknown;
}

export interface Row {
  id: string;
  title: string;
  note?: string;
  side?: string;
  tag?: string;
  tone?: Tone;
  picture?: string | null;
  icon?: string;
  unread?: boolean;
  page?: string;
  acts?: Act[];
  act?: Act;
}

export interface Section {
  title?: string;
  more?: { word: string; page: string };
  text?: string;
  facts?: [string, string | number | null | undefined][];
  rows?: Row[];
  tiles?: { icon: string; word: string; page?: string; act?: Act; badge?: number }[];
  chips?: { word: string; act: Act; on?: boolean; off?: boolean; note?: string }[];
  pictures?: { url: string; thumbnail_url: string }[];
  /** A card that the API drew, shown whole: its code is scanned. */
  drawing?: string;
  code?: { picture: string; note: string };
  big?: string;
  /** A drawing of what is near, as an address of a picture. */
  plan?: string;
  acts?: Act[];
  form?: Act;
  empty?: string;
}

/** What a page shows. */
export interface View {
  title?: string;
  tag?: string;
  tone?: Tone;
  note?: string;
  hero?: boolean;
  tabs?: { value: string; word: string }[];
  search?: string;
  sections: (Section | null | false | undefined | "")[];
  acts?: Act[];
  /** Where the last section's rows go on. */
  cursor?: string | null;
  share?: { title: string; imageUrl?: string };
  /** Read anew after so many seconds: what is shown passes. */
  again?: number;
}
