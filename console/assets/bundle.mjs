// Bundles each script and style sheet of src/ (what they import included) into one file of its name.
// Usage: node bundle.mjs FOLDER
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const source = fileURLToPath(new URL("src/", import.meta.url));
await build({
  entryPoints: readdirSync(source).map((name) => source + name),
  outdir: process.argv[2],
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  charset: "utf8",
  legalComments: "inline", // their licences ask to be kept
  logLevel: "warning",
});
