import assert from "node:assert/strict";
import { test } from "node:test";
import { rfc3339 } from "../src/clock.ts";
import { userIdOf, whatIsWrong } from "../src/options.ts";
import { Queue } from "../src/queue.ts";
import { Sender, delayMs, outcomeOf } from "../src/sender.ts";
import type { TabSession } from "../src/session.ts";
import { type Call, type Transport, retryAfterMs } from "../src/transport.ts";
import { uuid } from "../src/uuid.ts";

const batch = (id: string, bytes = 10) => ({ id, text: "x".repeat(bytes), count: 1, originMs: 0 });

test("every status leads somewhere", () => {
  const told = [200, 201, 202, 400, 401, 403, 404, 408, 409, 413, 425, 429, 500, 503, 0].map(outcomeOf);
  assert.deepEqual(told, [
    "done", "done", "done", "rejected", "refused", "refused", "gone", "later", "gone", "rejected", "later", "later",
    "later", "later", "later",
  ]);
});

test("delays double, are bounded, and never come before Retry-After", () => {
  for (let round = 0; round < 200; round++) {
    assert.ok(delayMs(1, 0) <= 1_000);
    assert.ok(delayMs(3, 0) <= 4_000);
    assert.ok(delayMs(40, 0) <= 60_000);
    assert.ok(delayMs(1, 7_000) >= 7_000 && delayMs(1, 7_000) <= 8_000);
  }
});

test("Retry-After is seconds or a date, and bounded", () => {
  const said = (value: string | null) => retryAfterMs({ get: () => value }, Date.UTC(2026, 0, 1));
  assert.equal(said("3"), 3_000);
  assert.equal(said("Thu, 01 Jan 2026 00:00:09 GMT"), 9_000);
  assert.equal(said("Wed, 31 Dec 2025 00:00:00 GMT"), 0);
  assert.equal(said("999999"), 600_000);
  assert.equal(said("soon"), 0);
  assert.equal(said(null), 0);
});

test("a full queue drops the oldest batches, but none under way", () => {
  const queue = new Queue();
  const first = batch("first");
  queue.add(first);
  for (let number = 1; number < 50; number++) assert.deepEqual(queue.add(batch(`b${number}`)), []);
  const dropped = queue.add(batch("last"), (one) => one === first);
  assert.deepEqual(dropped.map(({ id }) => id), ["b1"]);
  assert.equal(queue.first, first);
});

test("a queue is bounded in bytes too", () => {
  const queue = new Queue();
  queue.add(batch("a", 200_000));
  queue.add(batch("b", 200_000));
  assert.deepEqual(queue.add(batch("c", 200_000)).map(({ id }) => id), ["a"]);
  assert.deepEqual(queue.all.map(({ id }) => id), ["b", "c"]);
});

test("times are RFC 3339 to a tenth of a millisecond", () => {
  assert.equal(rfc3339(Date.UTC(2026, 2, 1, 12), 1_234.5), "2026-03-01T12:00:01.2345Z");
  assert.equal(rfc3339(Date.UTC(2026, 2, 1, 12), 0.04), "2026-03-01T12:00:00.000Z");
});

test("ids are UUIDs of version 4", () => {
  assert.match(uuid(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("wrong options are told", () => {
  const right = { key: "tp_0123", endpoint: "https://telltale.example" };
  assert.equal(whatIsWrong(right), null);
  assert.match(whatIsWrong({ ...right, key: "tt_secret" })!, /publishable/);
  assert.match(whatIsWrong({ ...right, endpoint: "telltale.example" })!, /endpoint/);
  assert.match(whatIsWrong({ ...right, sampleRate: 2 })!, /sampleRate/);
  assert.match(whatIsWrong({ ...right, sampleRate: Number.NaN })!, /sampleRate/);
});

test("a user's id that the gateway would refuse is left out", () => {
  const told: string[] = [];
  assert.equal(userIdOf("u-1042", (code) => told.push(code)), "u-1042");
  assert.equal(userIdOf("no spaces", (code) => told.push(code)), null);
  assert.deepEqual(told, ["misconfigured"]);
});

test("after a failure only those who wait for an answer try again, and nobody before Retry-After", async (context) => {
  context.mock.method(Math, "random", () => 1);
  context.mock.timers.enable({ apis: ["setTimeout"] });
  let now = 1_000;
  context.mock.method(performance, "now", () => now);
  const calls: Call[] = [];
  let retryAfter = 0;
  const send = async (call: Call) => (calls.push(call), { status: 503, body: {}, retryAfterMs: retryAfter });
  const session = { id: "s", beginKey: "k", userId: null } as TabSession;
  const sender = new Sender({ send, fits: () => true } as unknown as Transport, session, () => {}, () => {});
  sender.add(batch("b"));
  await sender.run();
  now += 500;
  await sender.run();
  assert.equal(calls.length, 1); // the pause is a second
  retryAfter = 4_000;
  await sender.run(true);
  assert.equal(calls.length, 2);
  now += 3_999;
  await sender.run(true);
  sender.flush(false);
  assert.equal(calls.length, 2);
  sender.flush(true);
  assert.equal(calls.length, 3); // now or never
});

test("a session that is given up before it began is not begun", async () => {
  const calls: Call[] = [];
  const send = async (call: Call) => (calls.push(call), { status: 201, body: {}, retryAfterMs: 0 });
  const transport = { send, fits: () => true, abort: () => {} } as unknown as Transport;
  const session = { id: null, beginKey: "k", userId: null } as TabSession;
  const sender = new Sender(transport, session, () => {}, () => {});
  const running = sender.run();
  sender.abandon();
  await running;
  assert.deepEqual(calls, []);
});
