const REFERENCE = /^[A-Za-z0-9_.:#-]{1,64}$/;
const WITHOUT_TEXT = /^(button|checkbox|color|file|hidden|image|radio|range|reset|submit)$/;

/** A field that holds text. */
export type TextField = HTMLInputElement | HTMLTextAreaElement;

/** The id or name of an element; never its content. Attributes, since a form's fields can shadow its properties. */
export function referenceOf(target: EventTarget | null): string | undefined {
  if (!(target instanceof Element) || target === document.body || target === document.documentElement) return undefined;
  return [target.getAttribute("id"), target.getAttribute("name")].find((said) => said !== null && REFERENCE.test(said))
    ?? undefined;
}

/** Whether an element is a field to type in. */
export function isTextField(target: EventTarget | null): target is TextField {
  if (target instanceof HTMLTextAreaElement) return true;
  return target instanceof HTMLInputElement && !WITHOUT_TEXT.test(target.type);
}

/** Bounds a length as the contract does. */
export const bounded = (length: number): number => Math.min(length, 1_000_000);
