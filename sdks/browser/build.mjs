// Makes dist/: an ES module, a script for a tag, and the types.
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "dist");
const { version } = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
const common = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  target: ["es2022"],
  sourcemap: true,
  legalComments: "none",
  banner: { js: `/* @telltale/browser ${version} */` },
};

rmSync(dist, { recursive: true, force: true });
await build({ ...common, entryPoints: ["src/index.ts"], format: "esm", outfile: "dist/telltale.js" });
await build({ ...common, entryPoints: ["src/script.ts"], format: "iife", outfile: "dist/telltale.min.js" });

const tsc = join(here, "node_modules/typescript/bin/tsc");
const emit = ["--noEmit", "false", "--declaration", "--emitDeclarationOnly", "--rootDir", "src", "--outDir", "dist"];
execFileSync(process.execPath, [tsc, "-p", here, ...emit], { cwd: here, stdio: "inherit" });

// Of the types, those that the interface speaks of; with names that every resolver finds.
const wanted = new Set(["index.d.ts", "types.d.ts"]);
for (const name of readdirSync(dist).filter((one) => one.endsWith(".d.ts"))) {
  const path = join(dist, name);
  if (!wanted.has(name)) rmSync(path);
  else writeFileSync(path, readFileSync(path, "utf8").replaceAll(/(from "\.\/\w+)\.ts"/g, '$1.js"'));
}
