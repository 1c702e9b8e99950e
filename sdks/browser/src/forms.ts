import type { On } from "./collect.ts";
import { bounded, isSecret, isTextField, referenceOf } from "./elements.ts";
import type { Recording } from "./recording.ts";

type Method = "typed" | "pasted" | "autofilled" | "script";

/** Records that fields change, how, and to what length; that forms are submitted; that the clipboard is used. */
export function collectForms(recording: Recording, on: On): void {
  const methods = new WeakMap<EventTarget, Method>(); // of fields edited by hand and not yet left
  const told = new WeakSet<EventTarget>(); // fields that a script's input was told of

  on("input", (event) => {
    const field = event.target;
    if (!isTextField(field)) return;
    if (event.isTrusted) methods.set(field, methodOf(event));
    else if (!methods.has(field) && !told.has(field)) {
      changed(event, "script"); // scripts often leave out the change that a person's leaving the field makes
      told.add(field);
    } // else a page that formats what somebody types
  });
  on("change", (event) => {
    const field = event.target;
    if (!field || (told.delete(field) && !event.isTrusted)) return;
    changed(event, event.isTrusted ? methods.get(field) : "script");
    methods.delete(field);
  });
  on("submit", (event) => {
    const form = event.target;
    recording.event("form.submitted", event.timeStamp, {
      form: referenceOf(form),
      field_count: form instanceof HTMLFormElement ? form.elements.length : undefined,
      trusted: event.isTrusted,
    });
  });
  for (const action of ["copy", "cut", "paste"] as const) on(action, (event) => clipboard(action, event));

  function changed(event: Event, method: Method | undefined): void {
    const field = referenceOf(event.target) ?? "unnamed";
    const hasLength = isTextField(event.target) && !isSecret(event.target);
    const length = hasLength ? bounded(event.target.value.length) : undefined;
    recording.event("form.changed", event.timeStamp, { field, method, length, trusted: event.isTrusted });
  }

  function clipboard(action: "copy" | "cut" | "paste", event: ClipboardEvent): void {
    recording.event("clipboard.used", event.timeStamp, {
      action,
      length: isSecret(event.target) ? undefined : lengthOf(action, event),
      target: referenceOf(event.target),
      trusted: event.isTrusted,
    });
  }
}

/** Tells how somebody fills in a field. The content itself is not looked at. */
function methodOf(event: Event): Method {
  const type = "inputType" in event ? String(event.inputType) : "";
  // Without a type, and as a replacement, browsers and password managers fill in.
  if (!type || type === "insertReplacementText") return "autofilled";
  return /^insertFrom(Paste|Drop|Yank)/.test(type) ? "pasted" : "typed";
}

/** How much was pasted, or taken out of a field. */
function lengthOf(action: "copy" | "cut" | "paste", event: ClipboardEvent): number | undefined {
  const length = action === "paste" ? event.clipboardData?.getData("text").length : selectedIn(event.target);
  return length === undefined ? length : bounded(length);
}

/** How much of a field is selected; of the rest of the page it is not counted, since that can take long. */
function selectedIn(target: EventTarget | null): number | undefined {
  if (!isTextField(target) || target.selectionStart === null || target.selectionEnd === null) return undefined;
  return target.selectionEnd - target.selectionStart;
}
