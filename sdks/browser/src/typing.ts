import { tenth } from "./clock.ts";
import type { On } from "./collect.ts";
import { referenceOf } from "./elements.ts";
import { keyClassOf } from "./keys.ts";
import type { Fields, Recording } from "./recording.ts";

const MAX_DWELL_MS = 600_000;

/** Records key presses: class, when, how long. Which key is down is known here alone, until it comes up. */
export function collectKeys(recording: Recording, on: On): void {
  const held = new Map<string, { pressedAt: number; fields: Fields }>();
  on("keydown", (event) => {
    if (!isKey(event) || event.repeat) return; // a key held down is one press
    const fields = recording.event("key.press", event.timeStamp, {
      key_class: keyClassOf(event.key, event.code),
      target: referenceOf(event.target),
      trusted: event.isTrusted,
    });
    held.set(event.code || event.key, { pressedAt: event.timeStamp, fields });
  });
  on("keyup", (event) => {
    if (!isKey(event)) return;
    const name = event.code || event.key;
    const press = held.get(name);
    held.delete(name);
    const dwell = press ? tenth(event.timeStamp - press.pressedAt) : -1;
    if (press && dwell >= 0 && dwell <= MAX_DWELL_MS) press.fields.dwell_ms = dwell;
  });
  on("blur", (event) => void (event.target === window && held.clear())); // what comes up elsewhere is not seen
}

/** Browsers that fill in a form send key events without a key; keyboards on screens often tell none of theirs. */
function isKey(event: KeyboardEvent): boolean {
  return typeof event.key === "string" && (event.key !== "Unidentified" || !!event.code);
}
