// Makes dist/: an ES module and its types. React and @telltale/browser stay outside.
import { execFileSync } from "node:child_process";
import { copyFileSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "dist");
const { version } = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));

rmSync(dist, { recursive: true, force: true });
await build({
  absWorkingDir: here,
  entryPoints: ["src/index.ts"],
  outfile: "dist/telltale-react.js",
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2022"],
  sourcemap: true,
  external: ["react", "@telltale/browser"],
  // Server components may import it: what it holds runs in the browser.
  banner: { js: `"use client"; /* @telltale/react ${version} */` },
});

const tsc = join(here, "node_modules/typescript/bin/tsc");
const emit = ["--noEmit", "false", "--declaration", "--emitDeclarationOnly", "--rootDir", "..", "--outDir", "dist/types"];
execFileSync(process.execPath, [tsc, "-p", here, ...emit], { cwd: here, stdio: "inherit" });

// The sources of @telltale/browser were checked along; of the types only ours are published.
copyFileSync(join(dist, "types/react/src/index.d.ts"), join(dist, "index.d.ts"));
rmSync(join(dist, "types"), { recursive: true });
