/** Which times of a room can be chosen from what is free. */
type Span = { starts_at: string; ends_at: string };

const STEP_MINUTES = 30;
const at = (moment: string) => new Date(moment).getTime();

/** Every half hour at which the shortest use still fits. */
export function startsIn(free: Span[], shortest: number): string[] {
  return free.flatMap(({ starts_at, ends_at }) => {
    const starts: string[] = [];
    for (let start = at(starts_at); start + shortest * 60_000 <= at(ends_at); start += STEP_MINUTES * 60_000) starts.push(new Date(start).toISOString());
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
