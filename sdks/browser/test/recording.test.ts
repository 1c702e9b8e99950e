import assert from "node:assert/strict";
import { test } from "node:test";
import { Recording } from "../src/recording.ts";

const ORIGIN_MS = Date.UTC(2026, 2, 1, 12);
const MOUSE = { pointer: "mouse", trusted: true };

function taken(fill: (recording: Recording) => void): { events: any[]; tracks: any[]; count: number } | null {
  const recording = new Recording(() => undefined, () => undefined);
  fill(recording);
  const content = recording.take(ORIGIN_MS);
  return content && { ...JSON.parse(`{${content.text}}`), count: content.count };
}

test("samples become columns, with times from the first", () => {
  const found = taken((recording) => {
    recording.sample("pointer.move", 100.1, 10.4, 20.5, MOUSE);
    recording.sample("pointer.move", 108.3, 12, 21, MOUSE);
  });
  assert.deepEqual(found, {
    events: [],
    tracks: [{
      type: "pointer.move", started_at: "2026-03-01T12:00:00.1001Z", pointer: "mouse", trusted: true,
      t: [0, 8.2], x: [10, 12], y: [21, 21],
    }],
    count: 2,
  });
});

test("a mouse that reports every millisecond is thinned to about 125 Hz", () => {
  const found = taken((recording) => {
    for (let at = 0; at < 100; at++) recording.sample("pointer.move", at, at * 3, 0, MOUSE);
  });
  assert.deepEqual(found?.tracks[0].t, [0, 7, 14, 21, 28, 35, 42, 49, 56, 63, 70, 77, 84, 91, 98]);
});

test("a pointer that stays where it is tells nothing", () => {
  const found = taken((recording) => {
    for (const at of [0, 10, 20]) recording.sample("pointer.move", at, 5, 5, MOUSE);
  });
  assert.equal(found?.count, 1);
});

test("what a script moves is a track of its own", () => {
  const found = taken((recording) => {
    recording.sample("pointer.move", 0, 1, 1, MOUSE);
    recording.sample("pointer.move", 10, 2, 2, { trusted: false });
    recording.sample("pointer.move", 20, 3, 3, MOUSE);
  });
  assert.deepEqual(found?.tracks.map((track) => [track.trusted, track.t]), [[true, [0, 20]], [false, [0]]]);
});

test("a track ends where times run back, and before a long pause", () => {
  const found = taken((recording) => {
    for (const [at, y] of [[100, 1], [90, 2], [60_091, 3]] as const) recording.sample("scroll", at, 0, y, MOUSE);
  });
  assert.deepEqual(found?.tracks.map(({ started_at, y }) => [started_at, y]), [
    ["2026-03-01T12:00:00.100Z", [1]], ["2026-03-01T12:00:00.090Z", [2]], ["2026-03-01T12:01:00.091Z", [3]],
  ]);
});

test("an event keeps what is told later, and leaves out what is not known", () => {
  const found = taken((recording) => {
    const press = recording.event("key.press", 250, { key_class: "letter", target: undefined });
    press.dwell_ms = 84.2;
  });
  assert.deepEqual(found?.events, [
    { type: "key.press", occurred_at: "2026-03-01T12:00:00.250Z", key_class: "letter", dwell_ms: 84.2 },
  ]);
});

test("places stay within what the contract allows", () => {
  const found = taken((recording) => recording.placed("pointer.down", 0, 1e9, -1e9, { button: 0 }));
  assert.deepEqual([found?.events[0].x, found?.events[0].y], [1_000_000, -1_000_000]);
});

test("it says when there is something again, and once when it is full", () => {
  let firsts = 0;
  let fulls = 0;
  const recording = new Recording(() => firsts++, () => fulls++);
  for (let at = 0; at < 300; at++) recording.event("focus.lost", at, {});
  assert.deepEqual([firsts, fulls], [1, 1]);
  recording.take(ORIGIN_MS);
  assert.equal(recording.take(ORIGIN_MS), null);
  recording.event("focus.lost", 1, {});
  assert.equal(firsts, 2);
});
