const REFERENCE = /^[A-Za-z0-9_.:#-]{1,64}$/;
const SECRET = /password|one-time-code|^cc-/;
const secrets = new WeakSet<Element>();
const ignored = new WeakMap<EventTarget, boolean>();
const WITHOUT_TEXT = /^(button|checkbox|color|file|hidden|image|radio|range|reset|submit)$/;

/** A field that holds text. */
export type TextField = HTMLInputElement | HTMLTextAreaElement;

/**
 * The id or name of an element; never its content. Attributes, since a form's fields can shadow its properties. Of radio
 * buttons only the name that all of a group have: the id tells which one was chosen.
 */
export function referenceOf(target: EventTarget | null): string | undefined {
  if (!(target instanceof Element) || target === document.body || target === document.documentElement) return undefined;
  const isRadio = target instanceof HTMLInputElement && target.type === "radio";
  const said = [isRadio ? null : target.getAttribute("id"), target.getAttribute("name")];
  return said.find((word) => word !== null && REFERENCE.test(word)) ?? undefined;
}

/** Whether a page wants nothing to be seen of an element: of a keypad on the screen, say. */
export function isIgnored(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("[data-telltale-ignore]") !== null;
}

/** Answers as `isIgnored` did at first for an element: for what comes a hundred times a second. */
export function wasIgnored(target: EventTarget | null): boolean {
  if (!target) return false;
  let answer = ignored.get(target);
  if (answer === undefined) ignored.set(target, (answer = isIgnored(target)));
  return answer;
}

/** Whether a field is for a password, also one that is shown now, for a code or for a card's number. */
export function isSecret(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLInputElement)) return false;
  if (target.type === "password" || SECRET.test(target.autocomplete)) secrets.add(target);
  return secrets.has(target);
}

/** Whether an element is a field to type in. */
export function isTextField(target: EventTarget | null): target is TextField {
  if (target instanceof HTMLTextAreaElement) return true;
  return target instanceof HTMLInputElement && !WITHOUT_TEXT.test(target.type);
}

/** Bounds a length as the contract does. */
export const bounded = (length: number): number => Math.min(length, 1_000_000);
