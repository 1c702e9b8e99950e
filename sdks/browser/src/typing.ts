import { tenth } from "./clock.ts";
import type { On } from "./collect.ts";
import { isSecret, referenceOf } from "./elements.ts";
import { type KeyClass, keyClassOf } from "./keys.ts";
import type { Fields, Recording } from "./recording.ts";

const MAX_DWELL_MS = 600_000;
const TEXT: ReadonlySet<KeyClass> = new Set(["letter", "digit", "punctuation", "space"]);

/** Records key presses: class, when, how long. Which key is down is known here alone, until it comes up. */
export function collectKeys(recording: Recording, on: On): void {
  const held = new Map<string, { pressedAt: number; fields: Fields }>();
  on("keydown", (event) => {
    if (!isKey(event) || event.repeat) return; // a key held down is one press
    const keyClass = classOf(event);
    if (keyClass === null) return;
    const fields = recording.event("key.press", event.timeStamp, {
      key_class: keyClass,
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

/** Tells a key's class; of a secret's text not even that, and nothing of what makes capitals. */
function classOf(event: KeyboardEvent): KeyClass | null {
  const told = keyClassOf(event.key, event.code);
  if (!isSecret(event.target)) return told;
  return told === "modifier" ? null : TEXT.has(told) ? "other" : told;
}

/** Browsers that fill in a form send key events without a key; keyboards on screens often tell none of theirs. */
function isKey(event: KeyboardEvent): boolean {
  return typeof event.key === "string" && (event.key !== "Unidentified" || !!event.code);
}
