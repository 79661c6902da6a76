import type { Act, Tone } from "../../kit/view";

export const CHECK_IN_TONES: Record<string, Tone> = { confirmed: "green", applied: "amber", returned: "red", refused: "red" };

/** What a member fills in to check in. */
export const APPLICATION: Act["fields"] = {
  kind: { label: "党员类别" },
  home_organization_id: { label: "所属党组织", kind: "find", find: "search_party_organizations", hint: "输入名称查找；查不到的，在下面写明" },
  home_text: { label: "所属党组织（手填）" },
  "residence.estate": { label: "居住小区", required: true },
  "residence.building": { label: "楼栋" },
  via_unit_id: { label: "由单位组织的，选单位", kind: "find", find: "search_units" },
  skills: { label: "特长", hint: "用顿号隔开" },
  willing: { label: "愿意参加", hint: "用顿号隔开" },
  free_times: { label: "方便的时间", hint: "用顿号隔开" },
};
