import { collectForms } from "./forms.ts";
import { collectKeys } from "./typing.ts";
import { collectPointer } from "./pointing.ts";
import { collectScrolling } from "./scrolling.ts";
import { isIgnored, referenceOf, wasIgnored } from "./elements.ts";
import type { Recording } from "./recording.ts";

type Events = WindowEventMap & DocumentEventMap;

/** Listens for one kind of event, in the whole page, before the page does. */
export type On = <K extends keyof Events>(type: K, listener: (event: Events[K]) => void, target?: EventTarget) => void;

/**
 * Listens to the page until the returned function is called.
 *
 * Listeners are passive and capture: they delay no input, and no page can hide an event from them.
 */
export function collect(recording: Recording, onFault: (error: unknown) => void): () => void {
  const abort = new AbortController();
  const on: On = (type, listener, target = window) => {
    const isLeftOut = type === "pointermove" ? wasIgnored : isIgnored;
    const guarded = (event: Event): void => {
      try {
        if (!isLeftOut(event.target)) listener(event as Parameters<typeof listener>[0]);
      } catch (error) {
        onFault(error);
      }
    };
    target.addEventListener(type, guarded, { capture: true, passive: true, signal: abort.signal });
  };
  collectPointer(recording, on);
  collectKeys(recording, on);
  collectScrolling(recording, on);
  collectForms(recording, on);
  collectAttention(recording, on);
  return () => abort.abort();
}

/** Records where the page's attention is, and where it is now. */
function collectAttention(recording: Recording, on: On): void {
  let told = "";
  on("visibilitychange", (event) => tell(document.hidden ? "hidden" : "visible", event.timeStamp), document);
  on("pagehide", (event) => tell("hidden", event.timeStamp)); // a page that is left is hidden only after this
  on("focusin", (event) => focus("focus.gained", event));
  on("focusout", (event) => focus("focus.lost", event));
  // Captured here are also those of every element, which focusin and focusout tell already.
  on("focus", (event) => void (event.target === window && focus("focus.gained", event)));
  on("blur", (event) => void (event.target === window && focus("focus.lost", event)));

  function focus(type: string, event: Event): void {
    recording.event(type, event.timeStamp, { target: referenceOf(event.target), trusted: event.isTrusted });
  }

  function tell(state: "hidden" | "visible", at: number): void {
    if (state !== told) recording.event("visibility.changed", at, { state });
    told = state;
  }

  // An earlier page of the session may have told otherwise.
  const now = performance.now();
  tell(document.hidden ? "hidden" : "visible", now);
  const target = isIgnored(document.activeElement) ? undefined : referenceOf(document.activeElement);
  if (target) recording.event("focus.gained", now, { target });
}
