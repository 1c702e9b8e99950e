import { automationFlags } from "./automation.ts";

/** What some browsers tell beyond the standard library's types. */
interface Told extends Navigator {
  deviceMemory?: number;
  userAgentData?: { platform?: string; brands?: { brand: string; version: string }[] };
}

/** Of the newer standard only what is used here. */
declare const Temporal: { Now: { timeZoneId(): string } } | undefined;

const POINTERS = ["fine", "coarse", "none"];

/**
 * What the browser tells of the device, as the contract names it. What it keeps to itself is left out, and so are plugins:
 * asking for them stops the page for milliseconds.
 */
export function fingerprint(): Record<string, unknown> {
  const told: Told = navigator;
  const hints = told.userAgentData;
  return {
    user_agent: told.userAgent,
    platform: told.platform,
    languages: (told.languages ?? []).slice(0, 16),
    timezone: timezone(),
    timezone_offset_min: new Date().getTimezoneOffset(),
    screen_width: screen.width,
    screen_height: screen.height,
    window_width: innerWidth,
    window_height: innerHeight,
    pixel_ratio: devicePixelRatio,
    color_depth: screen.colorDepth,
    cpu_count: told.hardwareConcurrency,
    memory_gb: told.deviceMemory,
    touch_points: told.maxTouchPoints,
    webdriver: told.webdriver,
    automation_flags: automationFlags(),
    primary_pointer: POINTERS.find((name) => matchMedia(`(pointer: ${name})`).matches),
    hint_platform: hints?.platform || undefined,
    hint_brands: hints?.brands?.slice(0, 16).map(({ brand, version }) => `${brand}/${version}`),
  };
}

/** The first formatter of a page takes tens of milliseconds to make; `Temporal` knows without one. */
function timezone(): string {
  return typeof Temporal === "object" ? Temporal.Now.timeZoneId() : Intl.DateTimeFormat().resolvedOptions().timeZone;
}
