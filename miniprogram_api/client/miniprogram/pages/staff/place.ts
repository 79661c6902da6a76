import { call } from "../../api/call";

/** The organization for which somebody works: the first of their roles, unless they are a unit's liaison. */
export async function homeOf(): Promise<string> {
  const { roles } = await call("get_me");
  return roles.find((role) => role.kind !== "liaison")?.organization_id ?? "";
}
