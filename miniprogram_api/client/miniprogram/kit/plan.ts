type Place = { longitude: number; latitude: number };

const METERS_A_DEGREE = 111_320;

/** Places around somebody as a plan: north is up, rings tell the distance, numbers are those of the list. */
export function drawPlan(here: Place, places: Place[]): string {
  const points = places.map((place) => ({
    x: (place.longitude - here.longitude) * METERS_A_DEGREE * Math.cos((here.latitude * Math.PI) / 180),
    y: (here.latitude - place.latitude) * METERS_A_DEGREE,
  }));
  const farthest = Math.max(600, ...points.map(({ x, y }) => Math.hypot(x, y)));
  const scale = 150 / farthest, ring = [250, 500, 1000, 2000].find((meters) => meters * 3 > farthest) ?? 2000;
  const rings = [1, 2].map((times) => `<circle r="${times * ring * scale}" fill="none" stroke="#d8cfc2" stroke-dasharray="4 4"/><text y="${-times * ring * scale - 4}" font-size="11" fill="#675e56" text-anchor="middle">${times * ring}米</text>`);
  const dots = points.map(({ x, y }, index) => `<g transform="translate(${x * scale},${y * scale})"><circle r="11" fill="#b3241f"/><text y="4.500" font-size="12" font-weight="600" fill="#fff" text-anchor="middle">${index + 1}</text></g>`);
  const me = `<circle r="9" fill="#2f6fd0" fill-opacity=".2"/><circle r="5" fill="#2f6fd0" stroke="#fff" stroke-width="1.500"/>`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-173 -173 346 346" font-family="sans-serif"><rect x="-173" y="-173" width="346" height="346" fill="#fffdf9"/>${rings.join("")}${me}${dots.reverse().join("")}</svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}
