// Renders the hook as a server does, with the built packages in the place of installed ones.
import { createRequire, registerHooks } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(`${process.cwd()}/`);
const places = {
  "@telltale/browser": pathToFileURL("../browser/dist/telltale.js").href,
  "@telltale/react": pathToFileURL("dist/telltale-react.js").href,
  react: pathToFileURL(require.resolve("react")).href,
};
registerHooks({ resolve: (name, context, next) => (places[name] ? { url: places[name], shortCircuit: true } : next(name, context)) });

const { createElement } = require("react");
const { renderToString } = require("react-dom/server");
const { TelltaleProvider, useBehaviorTracking } = await import("@telltale/react");

function Shown() {
  const { currentTrustScore, needsCaptcha } = useBehaviorTracking("u-1");
  return createElement("p", null, `${currentTrustScore} ${needsCaptcha}`);
}

const options = { key: "tp_x", endpoint: "https://telltale.example" };
console.log(renderToString(createElement(TelltaleProvider, { options }, createElement(Shown))));
