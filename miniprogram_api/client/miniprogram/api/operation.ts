/** One operation of the API, as far as a page needs to know it when it runs. */
export interface Operation {
  method: string;
  path: string;
  title: string;
  /** Needs no session. */
  anyone?: boolean;
  /** Takes an Idempotency-Key. */
  once?: boolean;
  fields?: Field[];
}

/** One field of a body, as a form shows it. */
export interface Field {
  name: string;
  label: string;
  kind: "text" | "long" | "number" | "switch" | "choice" | "date" | "moment" | "list" | "pictures" | "stars" | "group" | "find" | "many";
  required?: boolean;
  min?: number;
  max?: number;
  options?: [string, string][];
  fields?: Field[];
  hint?: string;
  /** The operation that finds, by name, what can be chosen. */
  find?: string;
}
