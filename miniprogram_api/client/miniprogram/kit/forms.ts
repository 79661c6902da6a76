import { OPERATIONS } from "../api/described";
import type { Field } from "../api/operation";
import type { Act } from "./view";

export type Values = Record<string, any>;
export interface Form {
  title: string;
  word: string;
  note: string;
  danger: boolean;
  fields: Field[];
  values: Values;
}

/** The form that an act needs before it can be done; null where it needs none. */
export function formOf(act: Act): Form | null {
  const described = flatten(OPERATIONS[act.operation!]?.fields ?? []);
  const fixed = new Set(Object.keys(flattenValues(act.body ?? {})));
  const wanted = act.fields ?? Object.fromEntries(described.filter((field) => isAsked(field)).map((field) => [field.name, true as const]));
  const fields = Object.entries(wanted)
    .filter(([name, change]) => change && !fixed.has(name))
    .map(([name, change]) => ({ ...(described.find((field) => field.name === name) ?? { name, label: name, kind: "text" as const }), ...(change === true ? {} : change) } as Field));
  if (!fields.length) return null;
  const values = flattenValues(act.values ?? {});
  return { title: act.word, word: act.word, note: act.note ?? "", danger: !!act.danger, fields, values: Object.fromEntries(fields.map((field) => [field.name, values[field.name] ?? empty(field)])) };
}

/** Ids and versions are for programs. */
const isAsked = (field: Field) => field.kind === "pictures" || field.kind === "choice" || !/(^|\.)\w*(_ids?|version)$/.test(field.name);

const empty = (field: Field) => ({ switch: false, pictures: [], list: "", many: [] as string[], stars: 5 } as Values)[field.kind] ?? "";

function flatten(fields: Field[], before = ""): Field[] {
  return fields.flatMap((field) => (field.kind === "group" ? flatten(field.fields ?? [], `${before}${field.name}.`) : [{ ...field, name: before + field.name }]));
}

function flattenValues(values: object, before = ""): Values {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) =>
      value && typeof value === "object" && !Array.isArray(value) ? Object.entries(flattenValues(value, `${before}${name}.`)) : [[before + name, value]],
    ),
  );
}

/** What is sent: the form's values as the API takes them, with what was settled before. */
export function bodyOf(act: Act, fields: Field[], values: Values): object | undefined {
  const body: Values = {};
  for (const [name, value] of [...Object.entries(flattenValues(act.body ?? {})), ...fields.map((field) => [field.name, sent(field, values[field.name])] as const)]) {
    if (value === undefined) continue;
    const parts = name.split("."), last = parts.pop()!;
    let place = body;
    for (const part of parts) place = place[part] ??= {};
    place[last] = value;
  }
  return OPERATIONS[act.operation!]?.fields ? body : undefined;
}

function sent(field: Field, value: any): unknown {
  if (field.kind === "pictures") return (value as { id: string }[]).map((picture) => picture.id);
  if (field.kind === "number" || field.kind === "stars") return value === "" ? undefined : Number(value);
  if (field.kind === "find") return (value as { id: string } | "") ? value.id : undefined;
  if (field.kind === "moment") return value && `${value.length === 16 ? value + ":00" : value}+08:00`.replace(" ", "T");
  if (field.kind === "list") return typeof value === "string" ? value.split(/[、，,\s]+/).filter(Boolean) : value;
  return value === "" && !field.required ? undefined : value;
}
