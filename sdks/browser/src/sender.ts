import { rfc3339 } from "./clock.ts";
import { fingerprint } from "./fingerprint.ts";
import { type Batch, Queue } from "./queue.ts";
import type { TabSession } from "./session.ts";
import type { Answer, Transport } from "./transport.ts";
import type { Report } from "./types.ts";
import { uuid } from "./uuid.ts";

const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 60_000;
const ENVELOPE_BYTES = 200;

/** What became of a request, and so what to do next. */
type Outcome = "done" | "later" | "gone" | "rejected" | "refused";

/** Tells what an answer asks for. */
export function outcomeOf(status: number): Outcome {
  if (status >= 200 && status < 300) return "done";
  if (status === 404 || status === 409) return "gone";
  if (status === 401 || status === 403) return "refused";
  return status >= 400 && status < 500 && status !== 408 && status !== 425 && status !== 429 ? "rejected" : "later";
}

/** How long to wait before the next attempt: exponential with full jitter, and never before the gateway's wish. */
export function delayMs(failures: number, retryAfterMs: number): number {
  return retryAfterMs + Math.random() * Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (failures - 1));
}

/** Begins the session and sends its batches one after another, each until the gateway has it or will not have it. */
export class Sender {
  readonly #transport: Transport;
  readonly #session: TabSession;
  readonly #report: Report;
  readonly #queue = new Queue();
  readonly #underWay = new Map<Batch, Promise<Answer>>();
  #latest: Answer | null = null;
  #state: "open" | "finished" | "abandoned" = "open";
  #running = false;
  #failures = 0;
  #notBefore = 0; // by performance.now(): what Retry-After asks for
  #timer: ReturnType<typeof setTimeout> | undefined;
  #waiting: (() => void)[] = [];

  constructor(transport: Transport, session: TabSession, report: Report) {
    this.#transport = transport;
    this.#session = session;
    this.#report = report;
  }

  /** Whether nothing more will be sent. */
  get ended(): boolean {
    return this.#state !== "open";
  }

  /** Whether everything handed over has arrived, and the session has begun. */
  get idle(): boolean {
    return !this.#queue.first && this.#session.id !== null;
  }

  /** The gateway's answer to the last batch that arrived. */
  get latest(): Answer | null {
    return this.#latest;
  }

  /** Takes a batch over; `run` or `flush` sends it. */
  add(batch: Batch): void {
    for (const lost of this.#queue.add(batch, (one) => this.#underWay.has(one))) {
      this.#report("dropped", "too much waits for the gateway: the oldest batch was dropped", lost.count);
    }
  }

  /** Sends until nothing is left, or until an attempt has to wait. */
  async run(): Promise<void> {
    if (this.#running || this.ended || performance.now() < this.#notBefore) return;
    clearTimeout(this.#timer);
    this.#running = true;
    while (!this.ended && !this.idle) {
      const answer = this.#session.id === null ? await this.#begin() : await this.#sendFirst();
      if (answer && !this.ended && !this.#goesOn(answer)) break;
    }
    this.#running = false;
    if (this.idle) this.#release();
  }

  /** Resolves when everything has arrived, or nothing will any more. */
  async settled(): Promise<void> {
    if (this.idle || this.ended) return;
    const settled = new Promise<void>((resolve) => this.#waiting.push(resolve));
    void this.run();
    await settled;
  }

  /** Sends at once all that waits: the page is being hidden or left, and may not hear the answers. */
  flush(): void {
    if (this.#session.id === null || this.ended) return;
    for (const batch of this.#queue.all) {
      if (this.#underWay.has(batch) || !this.#transport.fits(batch.text.length + ENVELOPE_BYTES)) continue;
      void this.#post(batch, true).then((answer) => {
        if (outcomeOf(answer.status) === "done") this.#arrived(batch, answer);
        else if (this.#state === "finished") this.#lost(batch, answer);
      });
    }
  }

  /** Sends all that waits once more, then ends. */
  finish(): void {
    this.flush();
    this.#end("finished");
  }

  /** Ends at once. What has not left is forgotten. */
  abandon(): void {
    this.#end("abandoned");
    this.#transport.abort();
    this.#queue.clear();
  }

  /** Asks the gateway for what it knows of the session. */
  async ask(): Promise<Answer> {
    return await this.#transport.send({ method: "GET", path: `/api/sessions/${this.#session.id}/status` });
  }

  async #begin(): Promise<Answer | null> {
    const { userId, beginKey } = this.#session;
    const json = JSON.stringify({ user_id: userId ?? undefined, device_fingerprint: fingerprint() });
    const answer = await this.#transport.send({ method: "POST", path: "/api/sessions", json, idempotencyKey: beginKey });
    if (beginKey !== this.#session.beginKey) return null; // meanwhile somebody else signed in
    const id = answer.body.session_id;
    if (outcomeOf(answer.status) === "done" && typeof id === "string" && !this.ended) this.#session.begun(id);
    return answer;
  }

  async #sendFirst(): Promise<Answer | null> {
    const batch = this.#queue.first!;
    const answer = await (this.#underWay.get(batch) ?? this.#post(batch, false));
    if (this.#state === "abandoned") return null;
    switch (outcomeOf(answer.status)) {
      case "done":
        this.#arrived(batch, answer);
        break;
      case "gone":
        batch.id = uuid(); // in the next session it is another batch
        this.#session.renew(this.#session.userId);
        break;
      case "rejected":
        this.#queue.remove(batch);
        this.#report("rejected", `the gateway cannot read a batch: ${why(answer)}`, batch.count);
        break;
      default:
        if (this.ended) this.#lost(batch, answer);
    }
    return answer;
  }

  #post(batch: Batch, leaving: boolean): Promise<Answer> {
    const sentAt = rfc3339(batch.originMs, performance.now());
    const answer = this.#transport.send({
      method: "POST",
      path: `/api/sessions/${this.#session.id}/data`,
      json: `{"batch_id":"${batch.id}","sent_at":"${sentAt}",${batch.text}}`,
      idempotencyKey: batch.id,
      leaving,
    });
    this.#underWay.set(batch, answer);
    return answer.finally(() => this.#underWay.delete(batch));
  }

  #arrived(batch: Batch, answer: Answer): void {
    this.#queue.remove(batch);
    this.#latest = answer;
    this.#failures = 0;
  }

  #lost(batch: Batch, answer: Answer): void {
    this.#report("dropped", `a last batch did not arrive: ${why(answer)}`, batch.count);
  }

  /** Draws the consequences of an answer; false when the next attempt has to wait. */
  #goesOn(answer: Answer): boolean {
    const outcome = outcomeOf(answer.status);
    const hasBegun = this.#session.id !== null;
    if (outcome === "refused" || (outcome === "rejected" && !hasBegun)) {
      this.#report("refused", `the gateway takes nothing from this page: ${why(answer)}`);
      this.abandon();
      return true;
    }
    if (hasBegun && (outcome === "done" || outcome === "rejected")) return true;
    this.#failures++;
    if (outcome === "gone" && this.#failures === 1) return true; // twice in a row, something else is wrong
    this.#notBefore = performance.now() + answer.retryAfterMs;
    this.#timer = setTimeout(() => void this.run(), delayMs(this.#failures, answer.retryAfterMs));
    return false;
  }

  #end(state: "finished" | "abandoned"): void {
    this.#state = state;
    clearTimeout(this.#timer);
    this.#release();
  }

  #release(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

function why(answer: Answer): string {
  const { code } = answer.body;
  return answer.status ? `${answer.status} ${typeof code === "string" ? code : ""}`.trim() : "no answer";
}
