import type { Content } from "./recording.ts";

/** What is sent as one: the gateway counts an id once, however often it comes. */
export interface Batch extends Content {
  id: string;
  /** The origin of its times, which `sent_at` shares. */
  originMs: number;
}

const MAX_BATCHES = 50;
const MAX_BYTES = 500_000;

/** Batches that wait for the gateway, oldest first; bounded. */
export class Queue {
  #batches: Batch[] = [];

  get first(): Batch | undefined {
    return this.#batches[0];
  }

  get all(): readonly Batch[] {
    return this.#batches;
  }

  /** Events and samples in it. */
  get count(): number {
    return this.#batches.reduce((sum, batch) => sum + batch.count, 0);
  }

  /** Adds a batch; gives the oldest ones that had to make room. Those under way stay: they may have arrived. */
  add(batch: Batch, isUnderWay: (batch: Batch) => boolean = () => false): Batch[] {
    const dropped: Batch[] = [];
    this.#batches.push(batch);
    while (this.#batches.length > MAX_BATCHES || this.#bytes() > MAX_BYTES) {
      const oldest = this.#batches.find((one) => one !== batch && !isUnderWay(one));
      if (!oldest) break;
      this.remove(oldest);
      dropped.push(oldest);
    }
    return dropped;
  }

  /** Takes a batch out; false when it is out already. */
  remove(batch: Batch): boolean {
    const before = this.#batches.length;
    this.#batches = this.#batches.filter((one) => one !== batch);
    return this.#batches.length < before;
  }

  clear(): void {
    this.#batches = [];
  }

  #bytes(): number {
    return this.#batches.reduce((sum, batch) => sum + batch.text.length, 0);
  }
}
