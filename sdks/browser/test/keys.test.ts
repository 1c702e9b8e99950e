import assert from "node:assert/strict";
import { test } from "node:test";
import { keyClassOf } from "../src/keys.ts";

const CASES: [key: string, code: string, keyClass: string][] = [
  ["a", "KeyA", "letter"],
  ["Ж", "Semicolon", "letter"],
  ["7", "Digit7", "digit"],
  ["&", "Digit7", "punctuation"],
  ["😀", "", "punctuation"],
  [" ", "Space", "space"],
  ["Enter", "NumpadEnter", "enter"],
  ["Tab", "Tab", "tab"],
  ["Backspace", "Backspace", "backspace"],
  ["Delete", "NumpadDecimal", "delete"],
  ["Escape", "Escape", "escape"],
  ["ArrowLeft", "ArrowLeft", "arrow"],
  ["PageDown", "PageDown", "navigation"],
  ["AltGraph", "AltRight", "modifier"],
  ["F12", "F12", "function"],
  ["Dead", "Backquote", "punctuation"],
  ["Process", "KeyK", "letter"],
  ["Unidentified", "", "other"],
  ["MediaPlayPause", "MediaPlayPause", "other"],
];

for (const [key, code, keyClass] of CASES) {
  test(`${key} (${code || "no code"}) is of class ${keyClass}`, () => assert.equal(keyClassOf(key, code), keyClass));
}
