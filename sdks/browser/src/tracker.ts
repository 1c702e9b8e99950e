import { originNow } from "./clock.ts";
import { collect } from "./collect.ts";
import { userIdOf } from "./options.ts";
import { Recording } from "./recording.ts";
import { judgedIn, knowsOf, nothing } from "./results.ts";
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
  #userId: string | null | undefined;
  #consent: boolean;
  #stopped = false;
  #following: Following | null = null;
  #refused = false;
  #analysis: Promise<Result> | null = null;
  #isAsking = false; // onChallenge is under way
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
    let hasNew = false;
    this.#guarded(() => (hasNew = this.#cut()));
    if (this.#analysis && !hasNew) return this.#analysis;
    const analysis = this.#judged().then((result) => {
      if (this.#analysis === analysis) this.#analysis = null;
      return this.#challenged(result);
    });
    return (this.#analysis = analysis);
  }

  setConsent(consent: boolean): void {
    this.#guarded(() => {
      this.#consent = consent;
      if (consent) this.#follow();
      else this.#forget();
    });
  }

  setUser(said: string | null): void {
    this.#guarded(() => {
      const userId = (this.#userId = userIdOf(said, this.#report));
      const following = this.#following;
      if (!following || userId === following.session.userId) return;
      if (following.session.id !== null || following.session.userId !== null) {
        this.#cut();
        following.sender.finish(); // what the one did is not the other's
        following.sender = this.#newSender(following.session);
      }
      this.#analysis = null;
      following.session.renew(userId);
      void following.sender.run();
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#guarded(() => this.#leave("finish"));
  }

  /** Begins to follow the page, when it may and does not yet. */
  #follow(): void {
    if (this.#following || !this.#consent || this.#stopped || this.#refused) return;
    if ("prerendering" in document && document.prerendering) {
      document.addEventListener("prerenderingchange", () => this.#guarded(() => this.#follow()), { once: true });
      return;
    }
    const session = new TabSession(this.#options.key, this.#userId, this.#options.sampleRate ?? 1);
    if (!session.sampled) return;
    const recording = new Recording(
      () => this.#sendIn(BATCH_MS),
      () => this.#sendIn(0), // not within the listener
    );
    const sender = this.#newSender(session);
    const unlisteners = [
      collect(recording, (error) => this.#report("internal", String(error))),
      this.#listenToPage(session), // after it, so that what hides the page is in the batch that is sent then
    ];
    this.#following = { session, recording, sender, unlisten: () => unlisteners.forEach((unlisten) => unlisten()) };
    setTimeout(() => void this.#following?.sender.run()); // not while the page loads
  }

  #newSender(session: TabSession): Sender {
    return new Sender(this.#transport, session, this.#report, () => {
      this.#refused = true;
      this.#forget();
    });
  }

  /** Ends the following, and leaves no trace of it, nor of what earlier pages did. */
  #forget(): void {
    this.#leave("abandon");
    TabSession.forget(this.#options.key);
  }

  /** Ends the following: with a last batch, or with none. */
  #leave(how: "finish" | "abandon"): void {
    const following = this.#following;
    if (!following) return;
    if (how === "finish") this.#cut();
    following.unlisten();
    clearTimeout(this.#timer);
    following.recording.clear();
    following.sender[how]();
    if (how === "finish") following.session.hold(false);
    this.#following = null;
  }

  #listenToPage(session: TabSession): () => void {
    const abort = new AbortController();
    const on = (target: EventTarget, type: string, listener: (event: Event) => void): void =>
      target.addEventListener(type, (event) => this.#guarded(() => listener(event)), { signal: abort.signal });
    on(document, "visibilitychange", () => document.hidden && this.#flush(false));
    on(window, "pagehide", () => {
      this.#flush(true);
      session.hold(false);
    });
    on(window, "pageshow", () => this.#returned(session));
    on(window, "online", () => void this.#following?.sender.run(true));
    return () => abort.abort();
  }

  /** Goes on in a page that may have come back as it was, unless the tab's later pages decided otherwise. */
  #returned(session: TabSession): void {
    const became = session.reclaim();
    if (became === "ours") return;
    this.#leave("abandon");
    if (became === "forgotten") this.#consent = false;
    this.#userId = undefined; // the later page knew
    this.#follow();
  }

  /** Makes a batch of what was seen, and hands it to the sender; false when there is nothing. */
  #cut(): boolean {
    clearTimeout(this.#timer);
    if (!this.#following) return false;
    const { recording, sender, session } = this.#following;
    if (this.#originOf !== session.beginKey) {
      this.#originOf = session.beginKey;
      this.#originMs = originNow();
    }
    const content = recording.take(this.#originMs);
    if (content) sender.add({ ...content, id: uuid(), originMs: this.#originMs });
    return content !== null;
  }

  #sendIn(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#guarded(() => this.#cut());
      void this.#following?.sender.run();
    }, ms);
  }

  #flush(isLast: boolean): void {
    this.#cut();
    this.#following?.sender.flush(isLast);
  }

  /** Does something that a page may have broken: nothing is thrown into the page. */
  #guarded(work: () => unknown): void {
    try {
      work();
    } catch (error) {
      this.#report("internal", String(error));
    }
  }

  async #judged(): Promise<Result> {
    try {
      return await this.#judgement();
    } catch (error) {
      this.#report("internal", String(error));
      return nothing(this.sessionId, "unavailable");
    }
  }

  /** Asks for a challenge when it is due. One at a time: who analyzes meanwhile is not asked again. */
  async #challenged(result: Result): Promise<Result> {
    const { onChallenge } = this.#options;
    if (!result.needsChallenge || !onChallenge || this.#isAsking) return result;
    this.#isAsking = true;
    try {
      return { ...result, challengePassed: (await onChallenge(result)) === true };
    } catch (error) {
      this.#report("challenge_failed", String(error));
      return { ...result, challengePassed: false };
    } finally {
      this.#isAsking = false;
    }
  }

  /** Waits until what was seen has arrived, and for the verdict on it; when the answer has none, asks for it. */
  async #judgement(): Promise<Result> {
    if (!this.#following) return this.#unfollowed();
    const { sender, session } = this.#following;
    const deadline = performance.now() + ANALYSIS_MS;
    await soon(sender.settled(), ANALYSIS_MS);
    if (!this.#following) return this.#unfollowed();
    if (sender.ended || !sender.idle) return nothing(session.id, "unavailable");
    let answer = sender.latest;
    for (;;) {
      const sent = sender.latest;
      const isAboutIt = !sent || answer === sent || knowsOf(answer!.body, sent.body);
      const found = answer && isAboutIt ? judgedIn(session.id, answer.body) : null;
      if (found) return found;
      const left = deadline - performance.now();
      if (answer && left < POLL_MS) return nothing(session.id, answer.status ? "pending" : "unavailable");
      if (answer) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      answer = (await soon(sender.ask(), Math.max(left, POLL_MS))) ?? { status: 0, body: {}, retryAfterMs: 0 };
      if (sender.ended) return this.#unfollowed();
    }
  }

  #unfollowed(): Result {
    return nothing(null, this.#refused ? "unavailable" : "off");
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
