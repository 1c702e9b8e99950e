// Bundles a page's script with React and the two built packages, as a site would: bundle.mjs entry outfile
import { createRequire } from "node:module";
import { resolve } from "node:path";

const { buildSync } = createRequire(`${process.cwd()}/`)("esbuild");
const [entry, outfile] = process.argv.slice(2);
buildSync({
  entryPoints: [entry],
  outfile,
  bundle: true,
  jsx: "automatic",
  alias: {
    "@telltale/browser": resolve("../browser/dist/telltale.js"),
    "@telltale/react": resolve("dist/telltale-react.js"),
    react: resolve("node_modules/react"),
    "react-dom": resolve("node_modules/react-dom"),
  },
  define: { "process.env.NODE_ENV": '"development"' }, // strict mode does everything twice only there
});
