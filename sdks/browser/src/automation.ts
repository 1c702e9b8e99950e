/** Names that drivers leave in a page. No browser and no ordinary page has them. */
const IN_WINDOW = [
  "_phantom", "callPhantom", "__nightmare", "_selenium", "callSelenium", "_Selenium_IDE_Recorder",
  "domAutomation", "domAutomationController", "__playwright__binding__", "__pwInitScripts", "__playwright_builtins__",
];
const IN_DOCUMENT = [
  "__webdriver_evaluate", "__selenium_evaluate", "__webdriver_script_function", "__webdriver_script_fn",
  "__fxdriver_evaluate", "__driver_evaluate", "__webdriver_unwrapped", "__selenium_unwrapped", "__fxdriver_unwrapped",
  "__driver_unwrapped", "$chrome_asyncScriptInfo", "__$webdriverAsyncExecutor",
];
const OF_CHROMEDRIVER = /^\$?cdc_[a-zA-Z0-9]+_/;
const MAX_FLAGS = 32;

/** Looks for traces of automation. Each flag names what was found. */
export function automationFlags(): string[] {
  const flags = [...IN_WINDOW.filter((name) => name in window), ...IN_DOCUMENT.filter((name) => name in document)];
  if (Object.keys(window).concat(Object.keys(document)).some((name) => OF_CHROMEDRIVER.test(name))) flags.push("cdc");
  if (document.documentElement.hasAttribute("webdriver")) flags.push("webdriver_attribute");
  if (webdriverIsForged()) flags.push("webdriver_forged");
  // The contract's words hold no dollar sign.
  return flags.map((flag) => flag.replace("$", "")).slice(0, MAX_FLAGS);
}

/** Whether somebody put an answer of their own in the place of the browser's. */
function webdriverIsForged(): boolean {
  if (Object.getOwnPropertyDescriptor(navigator, "webdriver")) return true;
  const getter = Object.getOwnPropertyDescriptor(Navigator.prototype, "webdriver")?.get;
  return getter !== undefined && !/\[native code\]/.test(Function.prototype.toString.call(getter));
}
