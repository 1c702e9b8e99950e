import { start } from "./index.ts";
import type { Options, Telltale } from "./types.ts";

declare global {
  interface Window {
    telltale?: Telltale;
  }
}

// What a script tag says: data-key, data-endpoint, and if wanted data-user-id, data-consent, data-sample-rate.
const { key = "", endpoint = "", userId, consent, sampleRate } = document.currentScript?.dataset ?? {};
const options: Options = { key, endpoint, consent: consent !== "false" };
if (userId !== undefined) options.userId = userId || null;
if (sampleRate !== undefined) options.sampleRate = Number(sampleRate);
// A tag that stands in the page twice starts once. An element of that id is no reason not to.
if (typeof window.telltale?.analyze !== "function") window.telltale = start(options);
