/** What a site tells {@link start}. */
export interface Options {
  /** A publishable key, `tp_...`. It may stand in a page: it starts sessions and sends to them, and nothing else. */
  key: string;
  /** Where the gateway is, such as `https://telltale.example`. */
  endpoint: string;
  /**
   * The site's own id of who is signed in: 1 to 128 of `A-Z a-z 0-9 . _ : @ = + ~ -`. Null: nobody is, and the session of
   * somebody ends. Left out: this page does not know, and goes on with the tab's session.
   */
  userId?: string | null | undefined;
  /** False: collect, keep and send nothing until `setConsent(true)`. Default true. */
  consent?: boolean;
  /** The share of sessions that are followed, 0..1. Default 1. */
  sampleRate?: number;
  /** Called when `analyze()` finds that a challenge is due. Resolve to true when the visitor passed it. */
  onChallenge?: (result: Result) => boolean | Promise<boolean>;
  /** Told what was lost and why. Without it, `console.warn`. */
  onError?: (error: TelltaleError) => void;
}

/** What `analyze()` found. */
export interface Result {
  /** The session, for the site's own server to ask about. Null before it has begun. */
  sessionId: string | null;
  /**
   * `judged`: there is a verdict. `pending`: everything arrived, the verdict is not there yet. `off`: nothing is
   * collected, for want of consent, by the visitor's wish, or because the session is not sampled. `unavailable`: no
   * answer in time.
   */
  status: "judged" | "pending" | "off" | "unavailable";
  /** 0 (surely a program) to 100; null without a verdict. */
  trust: number | null;
  /** Whether the verdict recommends to ask the visitor for more. False without a verdict. */
  needsChallenge: boolean;
  /** What `onChallenge` said; null when it was not asked. */
  challengePassed: boolean | null;
  /** 0..1; below about 0.3 little is known yet. Null without a verdict. */
  confidence: number | null;
  /** What speaks for the verdict. */
  reasons: Reason[];
}

/** One cause of a verdict. */
export interface Reason {
  code: string;
  message: string;
}

/** A page that is followed. Nothing here ever throws. */
export interface Telltale {
  /** Null until the gateway has begun the session. It stays the same for the tab until the session ends. */
  readonly sessionId: string | null;
  /**
   * Sends what was seen and gives the verdict on it, after `onChallenge` where that is due; never rejects. The verdict
   * comes within about 5 seconds, or is said not to have come.
   */
  analyze(): Promise<Result>;
  /** False: stop, and forget what has not been sent. True: begin, or begin anew. */
  setConsent(consent: boolean): void;
  /** Somebody signed in or out. Another user's session is another session. */
  setUser(userId: string | null): void;
  /** Send what was seen, then stop for good. */
  stop(): void;
}

/**
 * - `misconfigured`: key or endpoint is missing or wrong; nothing is collected.
 * - `refused`: the gateway does not accept the key, from this origin or at all; nothing more is sent.
 * - `rejected`: the gateway could not read a batch; it is lost.
 * - `dropped`: too much waited to be sent; the oldest batch is lost.
 * - `challenge_failed`: `onChallenge` threw.
 * - `internal`: a fault in here; the page goes on.
 */
export type ErrorCode = "misconfigured" | "refused" | "rejected" | "dropped" | "challenge_failed" | "internal";

/** What `onError` is told. */
export class TelltaleError extends Error {
  readonly code: ErrorCode;
  /** How many events and samples are lost with it. */
  readonly lostEvents: number;

  constructor(code: ErrorCode, message: string, lostEvents = 0) {
    super(message);
    this.name = "TelltaleError";
    this.code = code;
    this.lostEvents = lostEvents;
  }
}

/** Where faults go. */
export type Report = (code: ErrorCode, message: string, lostEvents?: number) => void;
