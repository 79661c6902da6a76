/** Which times of a room can be chosen from what is free. */
type Span = { starts_at: string; ends_at: string };

const STEP_MINUTES = 30, FIRST_MINUTES = 15;
const roundUp = (time: number, minutes: number) => Math.ceil(time / (minutes * 60_000)) * minutes * 60_000;
const at = (moment: string) => new Date(moment).getTime();

/** The first quarter of an hour that is free, and every half hour after it, where the shortest use still fits. */
export function startsIn(free: Span[], shortest: number): string[] {
  return free.flatMap(({ starts_at, ends_at }) => {
    const starts: string[] = [];
    for (let start = roundUp(at(starts_at), FIRST_MINUTES); start + shortest * 60_000 <= at(ends_at); start = roundUp(start + 1, STEP_MINUTES)) starts.push(new Date(start).toISOString());
    return starts;
  });
}

/** How long one could stay from there, in minutes. */
export function lengthsFrom(start: string, free: Span[], shortest: number, longest: number): number[] {
  const found = free.find(({ starts_at, ends_at }) => at(starts_at) <= at(start) && at(start) < at(ends_at));
  const most = found ? Math.min(longest, (at(found.ends_at) - at(start)) / 60_000) : 0;
  const lengths: number[] = [];
  for (let length = shortest; length <= most; length += STEP_MINUTES) lengths.push(length);
  return lengths;
}
