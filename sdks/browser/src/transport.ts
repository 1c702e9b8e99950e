/** What the gateway answered. Status 0: no answer came. */
export interface Answer {
  status: number;
  // The gateway's documents; every field is checked where it is used.
  body: Record<string, unknown>;
  retryAfterMs: number;
}

/** One request of the session API. */
export interface Call {
  method: "GET" | "POST";
  path: string;
  json?: string;
  idempotencyKey?: string;
  /** The page is going away: send at once, since nothing may be awaited any more. */
  leaving?: boolean;
}

/** Bodies of requests that outlive their page may come to 64 KiB in all (the fetch standard). */
export const KEEPALIVE_BYTES = 60_000;
const TIMEOUT_MS = 15_000;
const WORTH_COMPRESSING = 1_000;
const MAX_RETRY_AFTER_MS = 600_000;
const NO_ANSWER: Answer = { status: 0, body: {}, retryAfterMs: 0 };

/** Speaks to the gateway. It keeps no state but which requests are under way. */
export class Transport {
  readonly #base: string;
  readonly #key: string;
  #aborts = new Set<AbortController>();
  #keptBytes = 0;

  constructor(endpoint: string, key: string) {
    this.#base = endpoint.replace(/\/+$/, "");
    this.#key = key;
  }

  /** Makes a request; resolves to status 0 when there is no answer, and never rejects. */
  async send(call: Call): Promise<Answer> {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
    this.#aborts.add(abort);
    try {
      const headers: Record<string, string> = { authorization: `Bearer ${this.#key}` };
      if (call.idempotencyKey) headers["idempotency-key"] = call.idempotencyKey;
      let body: BodyInit | undefined = call.json;
      if (call.json !== undefined) headers["content-type"] = "application/json";
      if (call.json && call.json.length > WORTH_COMPRESSING && !call.leaving && typeof CompressionStream === "function") {
        body = await gzip(call.json);
        headers["content-encoding"] = "gzip";
      }
      return await this.#fetch(call, headers, body, abort.signal);
    } catch {
      return NO_ANSWER; // the network, or a browser that refused: both are tried again
    } finally {
      clearTimeout(timer);
      this.#aborts.delete(abort);
    }
  }

  /** Whether a body may still be sent from a page that goes away. */
  fits(bytes: number): boolean {
    return this.#keptBytes + bytes <= KEEPALIVE_BYTES;
  }

  /** Ends what is under way, as far as it has not left. */
  abort(): void {
    for (const abort of this.#aborts) abort.abort();
  }

  async #fetch(call: Call, headers: HeadersInit, body: BodyInit | undefined, signal: AbortSignal): Promise<Answer> {
    const bytes = body instanceof ArrayBuffer ? body.byteLength : (call.json?.length ?? 0);
    const keepalive = this.fits(bytes); // so that a page may be left in the middle of a request
    if (keepalive) this.#keptBytes += bytes;
    try {
      const response = await fetch(this.#base + call.path, {
        method: call.method,
        headers,
        body: body ?? null,
        keepalive,
        signal,
        mode: "cors",
        credentials: "omit",
        cache: "no-store",
        redirect: "error",
        referrerPolicy: "no-referrer",
      });
      const text = await response.text();
      return { status: response.status, body: decoded(text), retryAfterMs: retryAfterMs(response.headers) };
    } finally {
      if (keepalive) this.#keptBytes -= bytes;
    }
  }
}

async function gzip(text: string): Promise<ArrayBuffer> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return await new Response(stream).arrayBuffer();
}

function decoded(text: string): Record<string, unknown> {
  try {
    const found: unknown = JSON.parse(text);
    return typeof found === "object" && found !== null ? (found as Record<string, unknown>) : {};
  } catch {
    return {}; // a proxy's page
  }
}

/** Reads Retry-After: seconds, or a date. */
export function retryAfterMs(headers: Pick<Headers, "get">, nowMs = Date.now()): number {
  const said = headers.get("retry-after");
  if (!said) return 0;
  const ms = /^\d+$/.test(said) ? Number(said) * 1_000 : Date.parse(said) - nowMs;
  return Math.min(MAX_RETRY_AFTER_MS, Math.max(0, ms || 0));
}
