import { type PageMs, rfc3339, tenth } from "./clock.ts";

/** Payload of an event as the contract spells it. Undefined fields are left out. */
export type Fields = Record<string, string | number | boolean | undefined>;

/** What can be dense. */
export type TrackType = "pointer.move" | "touch.move" | "scroll";

/** A batch's content, ready to be sent. */
export interface Content {
  /** `"events":[...],"tracks":[...]` */
  text: string;
  /** Events and samples in it. */
  count: number;
}

interface Track {
  type: TrackType;
  facts: Fields;
  t: PageMs[];
  x: number[];
  y: number[];
  lastAt: PageMs;
}

/** A mouse may report a thousand times a second. This is 125 Hz with room for jitter. */
export const APART_MS = 7;
/** A sample so long after the last begins a new track: offsets in a track are bounded. */
const LONGEST_GAP_MS = 60_000;
const FULL_BYTES = 30_000;
const EVENT_BYTES = 130;
const SAMPLE_BYTES = 16;
const MAX_PX = 1e6;

/** Whole pixels: whoever judges sees no more. */
const place = (px: number): number => Math.max(-MAX_PX, Math.min(MAX_PX, Math.round(px) || 0));

/** What was seen and is not yet part of a batch. Adding to it is all that listeners do. */
export class Recording {
  #events: [type: string, at: PageMs, fields: Fields][] = [];
  #tracks: Track[] = [];
  #open = new Map<Fields, Track>();
  #bytes = 0;
  #count = 0;
  readonly #onFirst: () => void;
  readonly #onFull: () => void;

  /**
   * @param onFirst called when something is in it again
   * @param onFull called when it holds enough for a batch
   */
  constructor(onFirst: () => void, onFull: () => void) {
    this.#onFirst = onFirst;
    this.#onFull = onFull;
  }

  /** Adds an event; its fields may be completed until it is taken. */
  event(type: string, at: PageMs, fields: Fields): Fields {
    this.#events.push([type, at, fields]);
    this.#added(EVENT_BYTES);
    return fields;
  }

  /** Adds an event that has a place. */
  placed(type: string, at: PageMs, x: number, y: number, fields: Fields): void {
    this.event(type, at, { x: place(x), y: place(y), ...fields });
  }

  /**
   * Adds a sample of a dense signal. The rest is done when it is taken: this is called hundreds of times a second.
   *
   * @param facts the same for a whole track; the object itself tells tracks apart
   */
  sample(type: TrackType, at: PageMs, x: number, y: number, facts: Fields): void {
    let track = this.#open.get(facts);
    const gap = track ? at - track.lastAt : -1;
    if (!track || gap < 0 || gap > LONGEST_GAP_MS) {
      track = { type, facts, t: [], x: [], y: [], lastAt: at };
      this.#open.set(facts, track);
      this.#tracks.push(track);
    } else if (gap < APART_MS && type !== "scroll") return;
    track.lastAt = at;
    track.t.push(at);
    track.x.push(x);
    track.y.push(y);
    this.#added(SAMPLE_BYTES);
  }

  /** Takes everything out; null when there is nothing. */
  take(originMs: number): Content | null {
    if (!this.#count) return null;
    const events = this.#events.map(([type, at, fields]) => ({ type, occurred_at: rfc3339(originMs, at), ...fields }));
    const tracks = this.#tracks.map((track) => columnsOf(track, originMs));
    const samples = tracks.reduce((sum, { t }) => sum + t.length, 0);
    this.clear();
    return { text: JSON.stringify({ events, tracks }).slice(1, -1), count: events.length + samples };
  }

  /** Forgets everything. */
  clear(): void {
    this.#events = [];
    this.#tracks = [];
    this.#open.clear();
    this.#bytes = this.#count = 0;
  }

  #added(bytes: number): void {
    const before = this.#bytes;
    this.#bytes += bytes;
    if (!this.#count++) this.#onFirst();
    if (before < FULL_BYTES && this.#bytes >= FULL_BYTES) this.#onFull();
  }
}

/** Writes a track as the contract spells it, without samples that are where the one before was. */
function columnsOf({ type, facts, t, x, y }: Track, originMs: number) {
  const start = tenth(t[0]!);
  const columns: Record<"t" | "x" | "y", number[]> = { t: [], x: [], y: [] };
  for (let row = 0; row < t.length; row++) {
    const [px, py, last] = [place(x[row]!), place(y[row]!), columns.t.length - 1];
    if (px === columns.x[last] && py === columns.y[last]) continue;
    columns.t.push(Math.max(0, tenth(t[row]! - start)));
    columns.x.push(px);
    columns.y.push(py);
  }
  const { x: xs, ...withoutX } = columns;
  return { type, started_at: rfc3339(originMs, start), ...facts, ...withoutX, ...(type === "scroll" ? {} : { x: xs }) };
}
