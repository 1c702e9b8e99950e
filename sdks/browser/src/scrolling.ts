import type { On } from "./collect.ts";
import type { Recording } from "./recording.ts";

type Source = "wheel" | "touch" | "keyboard" | "scrollbar" | "script";

// How long a page may go on scrolling after what made it scroll: animations, and the momentum of a finger's throw.
const LASTS_MS: Record<Exclude<Source, "script">, number> = { wheel: 600, touch: 3_000, keyboard: 600, scrollbar: 300 };
const BY_HAND = {};
const SCROLLING_KEYS = /^(Arrow|Page|Home|End|Tab| |Spacebar)/;

/** Records how the document is scrolled. Boxes that scroll inside it are left out: offsets would not be comparable. */
export function collectScrolling(recording: Recording, on: On): void {
  let last: { source: Exclude<Source, "script">; at: number } | undefined;
  let isHeld = false;
  const note = (source: Exclude<Source, "script">, at: number): void => void (last = { source, at });
  on("wheel", (event) => {
    isHeld = false; // over a scroll bar, some browsers keep the release to themselves
    note("wheel", event.timeStamp);
  });
  on("touchmove", (event) => note("touch", event.timeStamp));
  on("keydown", (event) => void (SCROLLING_KEYS.test(event.key ?? "") && note("keyboard", event.timeStamp)));
  on("pointerdown", (event) => {
    isHeld = event.pointerType === "mouse";
    if (isHeld) note("scrollbar", event.timeStamp);
  });
  on("pointerup", () => void (isHeld = false));
  on("scroll", (event) => {
    if (event.target !== document) return;
    const at = event.timeStamp;
    if (isHeld) note("scrollbar", at);
    const source = last && at - last.at <= LASTS_MS[last.source] ? last.source : "script";
    if (last && source === last.source && source !== "touch") last.at = Math.max(last.at, at); // as long as it goes on
    if (source === "wheel" || source === "touch") recording.sample("scroll", at, scrollX, scrollY, BY_HAND);
    else recording.placed("scroll", at, scrollX, scrollY, { source });
  });
}
