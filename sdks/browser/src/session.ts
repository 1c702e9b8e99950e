import { uuid } from "./uuid.ts";

/** What a tab remembers. */
interface Kept {
  /** Null until the gateway has begun it. */
  id: string | null;
  /** Makes beginning it again, from this page or the next, the same beginning. */
  beginKey: string;
  userId: string | null;
  sampled: boolean;
  /** A page has it now. A tab that finds this set has a copy: it was duplicated, or opened by a script. */
  held: boolean;
}

/** The session of one tab. It survives navigation, and lives in `sessionStorage` where the browser lets it. */
export class TabSession {
  readonly #name: string;
  readonly #sampleRate: number;
  #kept: Kept;
  #isStored = false;

  /** @param userId null: nobody is signed in; undefined: not known here, whose session it is it stays */
  constructor(apiKey: string, userId: string | null | undefined, sampleRate: number) {
    this.#name = nameOf(apiKey);
    this.#sampleRate = sampleRate;
    const kept = this.#read();
    const isOurs = kept && !kept.held && (userId === undefined || userId === kept.userId);
    this.#kept = isOurs ? kept : this.#fresh(userId ?? null);
    this.hold(this.sampled); // nobody holds what nobody follows: the next page finds the same lot
  }

  /** Leaves no trace in the tab, whichever page began it. */
  static forget(apiKey: string): void {
    storage((store) => store.removeItem(nameOf(apiKey)));
  }

  get id(): string | null {
    return this.#kept.id;
  }

  get userId(): string | null {
    return this.#kept.userId;
  }

  get beginKey(): string {
    return this.#kept.beginKey;
  }

  get sampled(): boolean {
    return this.#kept.sampled;
  }

  /** The gateway has begun it. */
  begun(id: string): void {
    this.#kept.id = id;
    this.#write();
  }

  /** Turns to a new session: the old one ended, or somebody else is here. */
  renew(userId: string | null): void {
    this.#kept = { ...this.#fresh(userId), sampled: this.#kept.sampled };
    this.#write();
  }

  /** Claims it for this page, or leaves it to the tab's next one. */
  hold(held: boolean): void {
    this.#kept.held = held;
    this.#write();
  }

  /** Claims it for a page that came back as it was; tells what other pages made of it meanwhile. */
  reclaim(): "ours" | "forgotten" | "another" {
    const kept = this.#isStored ? this.#read() : this.#kept;
    if (!kept) return "forgotten";
    if (kept.beginKey !== this.#kept.beginKey) return "another";
    this.#kept = kept;
    this.hold(true);
    return "ours";
  }

  #fresh(userId: string | null): Kept {
    return { id: null, beginKey: uuid(), userId, sampled: Math.random() < this.#sampleRate, held: true };
  }

  #read(): Kept | null {
    const text = storage((store) => store.getItem(this.#name));
    try {
      const kept = text ? (JSON.parse(text) as Kept) : null;
      return kept && typeof kept.beginKey === "string" ? kept : null;
    } catch {
      return null; // not ours
    }
  }

  #write(): void {
    this.#isStored = storage((store) => store.setItem(this.#name, JSON.stringify(this.#kept))) !== null;
  }
}

/** A frame may share its tab's storage, but not its coordinates: it has a session of its own. */
function nameOf(apiKey: string): string {
  return `telltale.${apiKey.slice(3, 19)}${window.top === window ? "" : ".frame"}`;
}

/** Sandboxed frames, blocked cookies and full storage throw: then the session lasts as long as the page. */
function storage<T>(use: (store: Storage) => T): T | null {
  try {
    return use(window.sessionStorage);
  } catch {
    return null;
  }
}
