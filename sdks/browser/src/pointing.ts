import type { On } from "./collect.ts";
import { referenceOf } from "./elements.ts";
import { APART_MS, type Fields, type Recording } from "./recording.ts";

const MAX_BUTTON = 31;
const MAX_TOUCH_ID = 2 ** 31;

/** Records mouse, pen and fingers. Fingers are told by their own events, which know more of them. */
export function collectPointer(recording: Recording, on: On): void {
  let lastAt = 0;
  on("pointermove", (event) => {
    const type = event.pointerType;
    if (type === "touch") return;
    const facts = factsOf(event, type);
    const at = event.timeStamp; // reading it asks the browser
    const gap = at - lastAt;
    if (gap >= APART_MS) lastAt = at;
    // Of so short a time one sample is kept at most: asking for those held back would be for nothing.
    const coalesced = gap < 2 * APART_MS ? undefined : event.getCoalescedEvents?.();
    const count = coalesced?.length ?? 0;
    if (!count) recording.sample("pointer.move", at, event.clientX, event.clientY, facts);
    for (let row = 0; row < count; row++) {
      const one = coalesced![row]!;
      recording.sample("pointer.move", one.timeStamp, one.clientX, one.clientY, facts);
    }
  });
  on("pointerdown", (event) => button("pointer.down", event));
  on("pointerup", (event) => button("pointer.up", event));
  // Mice and pens come as pointers. What comes as a mouse alone was made by a script.
  on("mousedown", (event) => scripted("pointer.down", event));
  on("mouseup", (event) => scripted("pointer.up", event));
  let hasScript = false;

  const fingers = new Map<string, Fields>();
  on("touchstart", (event) => {
    if (event.touches.length === event.changedTouches.length) fingers.clear(); // the first ones: another gesture
    for (const touch of event.changedTouches) {
      recording.placed("touch.start", event.timeStamp, touch.clientX, touch.clientY, {
        touch_id: idOf(touch),
        pressure: touch.force > 0 && touch.force <= 1 ? touch.force : undefined,
        radius: touch.radiusX > 0 ? touch.radiusX : undefined,
        trusted: event.isTrusted,
      });
    }
  });
  on("touchmove", (event) => {
    for (const touch of event.changedTouches) {
      const facts = { touch_id: idOf(touch), trusted: event.isTrusted };
      const name = `${facts.touch_id} ${facts.trusted}`;
      if (!fingers.has(name)) fingers.set(name, facts);
      recording.sample("touch.move", event.timeStamp, touch.clientX, touch.clientY, fingers.get(name)!);
    }
  });
  on("touchend", (event) => lifted(event, undefined));
  on("touchcancel", (event) => lifted(event, true));

  function button(type: string, event: MouseEvent): void {
    const pointer = "pointerType" in event ? String(event.pointerType) : "";
    if (pointer === "touch") return;
    recording.placed(type, event.timeStamp, event.clientX, event.clientY, {
      button: event.button >= 0 && event.button <= MAX_BUTTON ? event.button : 0,
      target: referenceOf(event.target),
      ...factsOf(event, pointer),
    });
  }

  function scripted(type: string, event: MouseEvent): void {
    if (event.isTrusted) return;
    button(type, event);
    if (hasScript) return;
    hasScript = true; // only now: listening to every movement twice would cost everybody
    on("mousemove", (move) => {
      if (!move.isTrusted) recording.sample("pointer.move", move.timeStamp, move.clientX, move.clientY, SCRIPTED);
    });
  }

  function lifted(event: TouchEvent, cancelled: true | undefined): void {
    for (const touch of event.changedTouches) {
      recording.placed("touch.end", event.timeStamp, touch.clientX, touch.clientY, {
        touch_id: idOf(touch),
        cancelled,
        trusted: event.isTrusted,
      });
    }
  }
}

/** What is the same for all movements of a kind. */
const MOUSE = { pointer: "mouse", trusted: true };
const PEN = { pointer: "pen", trusted: true };
const SCRIPTED = { trusted: false };
const UNKNOWN = { trusted: true };

function factsOf(event: MouseEvent, type: string): Fields {
  if (!event.isTrusted) return SCRIPTED;
  return type === "mouse" ? MOUSE : type === "pen" ? PEN : UNKNOWN;
}

/** Some browsers count fingers down from 0. */
const idOf = (touch: Touch): number => Math.abs(touch.identifier) % MAX_TOUCH_ID;
