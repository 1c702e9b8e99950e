/** The classes of keys that are told. Which key it was never leaves the page. */
export type KeyClass =
  | "letter" | "digit" | "punctuation" | "space" | "enter" | "tab" | "backspace" | "delete"
  | "escape" | "arrow" | "navigation" | "modifier" | "function" | "other";

/** Names and codes of keys as the standard "UI Events" lists them. */
const NAMED: readonly (readonly [KeyClass, RegExp])[] = [
  ["letter", /^Key[A-Z]$/],
  ["digit", /^(Digit|Numpad)\d$/],
  ["space", /^Space(bar)?$/],
  ["enter", /^(Numpad)?Enter$/],
  ["tab", /^Tab$/],
  ["backspace", /^Backspace$/],
  ["delete", /^Del(ete)?$/],
  ["escape", /^Esc(ape)?$/],
  ["arrow", /^Arrow/],
  ["navigation", /^(Home|End|PageUp|PageDown|Insert)$/],
  ["modifier", /^(Shift|Control|Alt|Meta|OS|Super|Hyper|Fn)|Lock$/],
  ["function", /^F([1-9]|1\d|2[0-4])$/],
  ["punctuation", /^(Minus|Equal|Bracket|Semicolon|Quote|Back(quote|slash)|Comma|Period|Slash|Intl|Numpad)/],
];

function classOfText(text: string): KeyClass {
  if (text === " " || text === "\u00a0") return "space";
  if ([...text].length === 1) return /\p{L}/u.test(text) ? "letter" : /\p{Nd}/u.test(text) ? "digit" : "punctuation";
  return NAMED.find(([, names]) => names.test(text))?.[0] ?? "other";
}

/** Tells the class of a key by what it means here (`key`), else by where it is (`code`). */
export function keyClassOf(key: string, code: string): KeyClass {
  const found = classOfText(key);
  return found === "other" ? classOfText(code) : found;
}
