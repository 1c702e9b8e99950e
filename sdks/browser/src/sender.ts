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
  readonly #onRefused: () => void;
  readonly #queue = new Queue();
  readonly #underWay = new Map<Batch, Promise<Answer>>();
  #latest: Answer | null = null;
  #state: "open" | "finished" | "abandoned" = "open";
  #running = false;
  #failures = 0;
  // By performance.now(): what Retry-After asks for, and how long to pause when nobody waits for an answer.
  #notBefore = 0;
  #pausedUntil = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #waiting: (() => void)[] = [];

  /** @param onRefused called when the gateway takes nothing from this page, now or later */
  constructor(transport: Transport, session: TabSession, report: Report, onRefused: () => void) {
    this.#transport = transport;
    this.#session = session;
    this.#report = report;
    this.#onRefused = onRefused;
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

  /**
   * Sends until nothing is left, or until an attempt has to wait. Never rejects.
   *
   * @param isAwaited somebody waits for it, or the network is back: no pause but that of `Retry-After`
   */
  async run(isAwaited = false): Promise<void> {
    const now = performance.now();
    if (this.#running || this.ended || now < this.#notBefore || (!isAwaited && now < this.#pausedUntil)) return;
    clearTimeout(this.#timer);
    this.#running = true;
    try {
      while (!this.ended && !this.idle) {
        const answer = this.#session.id === null ? await this.#begin() : await this.#sendFirst();
        if (answer && !this.ended && !this.#goesOn(answer)) break;
      }
    } catch (error) {
      this.#report("internal", String(error));
    } finally {
      this.#running = false;
    }
    if (this.idle) this.#release();
  }

  /** Resolves when everything has arrived, or nothing will any more. */
  async settled(): Promise<void> {
    if (this.idle || this.ended) return;
    const settled = new Promise<void>((resolve) => this.#waiting.push(resolve));
    void this.run(true);
    await settled;
  }

  /**
   * Sends at once all that waits: the page is being hidden or left, and may not hear the answers.
   *
   * @param isLast it is now or never, whatever `Retry-After` asks for
   */
  flush(isLast: boolean): void {
    if (this.#session.id === null || this.ended || (!isLast && performance.now() < this.#notBefore)) return;
    for (const batch of this.#queue.all) {
      if (this.#underWay.has(batch) || !this.#transport.fits(batch.text.length + ENVELOPE_BYTES)) continue;
      void this.#post(batch, true).then((answer) => {
        if (outcomeOf(answer.status) === "done") this.#arrived(batch, answer);
        else if (this.#state === "finished") this.#lost(batch, why(answer));
      });
    }
  }

  /** Sends all that waits once more, then ends. What cannot be sent is told. */
  finish(): void {
    this.flush(true);
    const reason = this.#session.id === null ? "the session had not begun" : "too much waited";
    for (const batch of this.#queue.all) if (!this.#underWay.has(batch)) this.#lost(batch, reason);
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
    await new Promise((resolve) => setTimeout(resolve)); // two short tasks hold the page up less than a long one
    if (this.ended) return null;
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
        if (this.ended) {
          this.#lost(batch, why(answer)); // the session may be another's by now
          break;
        }
        batch.id = uuid(); // in the next session it is another batch
        this.#session.renew(this.#session.userId);
        break;
      case "rejected":
        if (!this.#queue.remove(batch)) break;
        this.#report("rejected", `the gateway cannot read a batch: ${why(answer)}`, batch.count);
        break;
      default:
        if (this.ended) this.#lost(batch, why(answer));
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

  #lost(batch: Batch, reason: string): void {
    if (this.#queue.remove(batch)) this.#report("dropped", `a last batch did not arrive: ${reason}`, batch.count);
  }

  /** Draws the consequences of an answer; false when the next attempt has to wait. */
  #goesOn(answer: Answer): boolean {
    const outcome = outcomeOf(answer.status);
    const hasBegun = this.#session.id !== null;
    if (outcome === "refused" || (outcome === "rejected" && !hasBegun)) {
      this.#report("refused", `the gateway takes nothing from this page: ${why(answer)}`, this.#queue.count);
      this.#onRefused();
      return true;
    }
    if (hasBegun && (outcome === "done" || outcome === "rejected")) return true;
    this.#failures++;
    if (outcome === "gone" && this.#failures === 1) return true; // twice in a row, something else is wrong
    const [now, delay] = [performance.now(), delayMs(this.#failures, answer.retryAfterMs)];
    this.#notBefore = now + answer.retryAfterMs;
    this.#pausedUntil = now + delay;
    this.#timer = setTimeout(() => void this.run(true), delay + 1); // clocks of timers are a little coarser
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
