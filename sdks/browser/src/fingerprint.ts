import { automationFlags } from "./automation.ts";

/** What some browsers tell beyond the standard library's types. */
interface Told extends Navigator {
  deviceMemory?: number;
  userAgentData?: { platform?: string; brands?: { brand: string; version: string }[] };
}

/** Of the newer standard only what is used here. */
declare const Temporal: { Now: { timeZoneId(): string } } | undefined;

const POINTERS = ["fine", "coarse", "none"];
const told = (): Told => navigator;

const FACTS: Record<string, () => unknown> = {
  user_agent: () => navigator.userAgent,
  platform: () => navigator.platform,
  languages: () => navigator.languages.slice(0, 16),
  timezone,
  timezone_offset_min: () => new Date().getTimezoneOffset(),
  screen_width: () => screen.width,
  screen_height: () => screen.height,
  window_width: () => innerWidth,
  window_height: () => innerHeight,
  pixel_ratio: () => devicePixelRatio,
  color_depth: () => screen.colorDepth,
  cpu_count: () => navigator.hardwareConcurrency,
  memory_gb: () => told().deviceMemory,
  touch_points: () => navigator.maxTouchPoints,
  webdriver: () => navigator.webdriver,
  automation_flags: automationFlags,
  primary_pointer: () => POINTERS.find((name) => matchMedia(`(pointer: ${name})`).matches),
  hint_platform: () => told().userAgentData?.platform || undefined,
  hint_brands: () => told().userAgentData?.brands?.slice(0, 16).map(({ brand, version }) => `${brand}/${version}`),
};

/**
 * What the browser tells of the device, as the contract names it. What it keeps to itself is left out, and so are plugins:
 * asking for them stops the page for milliseconds.
 */
export function fingerprint(): Record<string, unknown> {
  const facts: Record<string, unknown> = {};
  for (const [name, read] of Object.entries(FACTS)) {
    try {
      facts[name] = read();
    } catch {
      // What a page or an extension has broken is left out, as what the browser keeps to itself.
    }
  }
  return facts;
}

/** The first formatter of a page takes tens of milliseconds to make; `Temporal` knows without one. */
function timezone(): string {
  return typeof Temporal === "object" ? Temporal.Now.timeZoneId() : Intl.DateTimeFormat().resolvedOptions().timeZone;
}
