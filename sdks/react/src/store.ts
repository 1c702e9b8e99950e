import { type Options, type Result, type Telltale, start } from "@telltale/browser";

/** What a provider's components share: the page that is followed, and the latest result. */
export class Store {
  #options: Options;
  #userId: string | null | undefined = undefined; // what a component told
  #telltale: Telltale | null = null;
  #result: Result | null = null;
  #listeners = new Set<() => void>();

  constructor(options: Options) {
    this.#options = options;
  }

  /** Follows the page until the returned function is called; in strict mode React does both twice. */
  readonly start = (): (() => void) => {
    const telltale = start({
      ...this.#options,
      userId: this.#userId === undefined ? this.#options.userId : this.#userId,
      // Those of the latest rendering.
      onChallenge: this.#options.onChallenge && ((result) => this.#options.onChallenge?.(result) ?? false),
      onError: this.#options.onError && ((error) => this.#options.onError?.(error)),
    });
    this.#telltale = telltale;
    return () => {
      telltale.stop();
      this.#telltale = null;
    };
  };

  /** Takes the options of a new rendering. */
  readonly update = (options: Options): void => {
    const before = this.#options;
    this.#options = options;
    if (options.consent !== before.consent) this.#telltale?.setConsent(options.consent ?? true);
    if (options.userId !== before.userId) this.setUser(options.userId ?? null);
  };

  readonly setUser = (userId: string | null): void => {
    this.#userId = userId;
    this.#telltale?.setUser(userId);
  };

  readonly analyze = async (): Promise<Result | null> => {
    if (!this.#telltale) return null;
    this.#result = await this.#telltale.analyze();
    for (const listener of this.#listeners) listener();
    return this.#result;
  };

  readonly result = (): Result | null => this.#result;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
}
