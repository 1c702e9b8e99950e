import { originNow } from "./clock.ts";
import { collect } from "./collect.ts";
import { userIdOf } from "./options.ts";
import { Recording } from "./recording.ts";
import { judgedIn, nothing } from "./results.ts";
import { Sender } from "./sender.ts";
import { TabSession } from "./session.ts";
import { Transport } from "./transport.ts";
import type { Options, Report, Result, Telltale } from "./types.ts";
import { uuid } from "./uuid.ts";

const BATCH_MS = 5_000;
const ANALYSIS_MS = 5_000;
const POLL_MS = 500;

/** What exists while the page is followed. */
interface Following {
  session: TabSession;
  recording: Recording;
  sender: Sender;
  /** Ends the listening, and what was to come. */
  unlisten: () => void;
}

/** Follows one page: from events to batches, from batches to a verdict. */
export class Tracker implements Telltale {
  readonly #options: Options;
  readonly #report: Report;
  readonly #transport: Transport;
  #userId: string | null;
  #consent: boolean;
  #stopped = false;
  #following: Following | null = null;
  #analysis: Promise<Result> | null = null;
  #originMs = 0;
  #originOf = ""; // the beginning of the session that it was taken for
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: Options, report: Report) {
    this.#options = options;
    this.#report = report;
    this.#userId = userIdOf(options.userId, report);
    this.#consent = options.consent ?? true;
    this.#transport = new Transport(options.endpoint, options.key);
    this.#follow();
  }

  get sessionId(): string | null {
    return this.#following?.session.id ?? null;
  }

  analyze(): Promise<Result> {
    this.#analysis ??= this.#analyze().finally(() => (this.#analysis = null));
    return this.#analysis;
  }

  setConsent(consent: boolean): void {
    this.#consent = consent;
    if (consent) this.#follow();
    else this.#leave("abandon");
  }

  setUser(said: string | null): void {
    const userId = (this.#userId = userIdOf(said, this.#report));
    const { session, sender } = this.#following ?? {};
    if (!session || !sender || userId === session.userId) return;
    if (session.id !== null) {
      this.#cut();
      sender.finish(); // what the one did is not the other's
      this.#following!.sender = new Sender(this.#transport, session, this.#report);
    }
    session.renew(userId);
    void this.#following!.sender.run();
  }

  stop(): void {
    this.#stopped = true;
    this.#leave("finish");
  }

  /** Begins to follow the page, when it may and does not yet. */
  #follow(): void {
    if (this.#following || !this.#consent || this.#stopped) return;
    if ("prerendering" in document && document.prerendering) {
      document.addEventListener("prerenderingchange", () => this.#follow(), { once: true });
      return;
    }
    const session = new TabSession(this.#options.key, this.#userId, this.#options.sampleRate ?? 1);
    if (!session.sampled) return;
    const recording = new Recording(
      () => this.#sendIn(BATCH_MS),
      () => this.#sendIn(0), // not within the listener
    );
    const sender = new Sender(this.#transport, session, this.#report);
    const unlisteners = [
      collect(recording, (error) => this.#report("internal", String(error))),
      this.#listenToPage(session), // after it, so that what hides the page is in the batch that is sent then
    ];
    this.#following = { session, recording, sender, unlisten: () => unlisteners.forEach((unlisten) => unlisten()) };
    setTimeout(() => void this.#following?.sender.run()); // not while the page loads
  }

  /** Ends the following: with a last batch, or leaving no trace. */
  #leave(how: "finish" | "abandon"): void {
    const following = this.#following;
    if (!following) return;
    if (how === "finish") this.#cut();
    following.unlisten();
    clearTimeout(this.#timer);
    following.recording.clear();
    following.sender[how]();
    if (how === "finish") following.session.hold(false);
    else following.session.forget();
    this.#following = null;
  }

  #listenToPage(session: TabSession): () => void {
    const abort = new AbortController();
    const on = (target: EventTarget, type: string, listener: (event: Event) => void): void =>
      target.addEventListener(type, listener, { signal: abort.signal });
    on(document, "visibilitychange", () => document.hidden && this.#flush());
    on(window, "pagehide", () => {
      this.#flush();
      session.hold(false);
    });
    on(window, "pageshow", () => session.hold(true)); // the page may come back as it was
    on(window, "online", () => void this.#following?.sender.run());
    return () => abort.abort();
  }

  /** Makes a batch of what was seen, and hands it to the sender. */
  #cut(): void {
    clearTimeout(this.#timer);
    if (!this.#following) return;
    const { recording, sender, session } = this.#following;
    if (this.#originOf !== session.beginKey) {
      this.#originOf = session.beginKey;
      this.#originMs = originNow();
    }
    const content = recording.take(this.#originMs);
    if (content) sender.add({ ...content, id: uuid(), originMs: this.#originMs });
  }

  #sendIn(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#cut();
      void this.#following?.sender.run();
    }, ms);
  }

  #flush(): void {
    this.#cut();
    this.#following?.sender.flush();
  }

  async #analyze(): Promise<Result> {
    try {
      const result = await this.#judgement();
      const { onChallenge } = this.#options;
      if (!result.needsChallenge || !onChallenge) return result;
      try {
        return { ...result, challengePassed: (await onChallenge(result)) === true };
      } catch (error) {
        this.#report("challenge_failed", String(error));
        return { ...result, challengePassed: false };
      }
    } catch (error) {
      this.#report("internal", String(error));
      return nothing(this.sessionId, "unavailable");
    }
  }

  /** Sends what was seen and waits for the verdict; when it does not come with the answer, asks for it. */
  async #judgement(): Promise<Result> {
    if (!this.#following) return nothing(null, "off");
    const { sender, session } = this.#following;
    const deadline = performance.now() + ANALYSIS_MS;
    this.#cut();
    await soon(sender.settled(), ANALYSIS_MS);
    if (sender.ended || !sender.idle) return nothing(session.id, this.#following ? "unavailable" : "off");
    let answer = sender.latest;
    for (;;) {
      const found = answer && judgedIn(session.id, answer.body);
      if (found) return found;
      const left = deadline - performance.now();
      if (answer && left < POLL_MS) return nothing(session.id, answer.status ? "pending" : "unavailable");
      if (answer) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      answer = (await soon(sender.ask(), Math.max(left, POLL_MS))) ?? { status: 0, body: {}, retryAfterMs: 0 };
      if (sender.ended) return nothing(null, "off");
    }
  }
}

/** Waits for a promise, but not too long; null when it did not come. */
async function soon<T>(promise: Promise<T>, ms: number): Promise<T | null> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<null>((resolve) => (timer = setTimeout(() => resolve(null), ms)));
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
