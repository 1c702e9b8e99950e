import { refusesTracking, reporter, whatIsWrong } from "./options.ts";
import { nothing } from "./results.ts";
import { Tracker } from "./tracker.ts";
import type { Options, Result, Telltale } from "./types.ts";

export { TelltaleError } from "./types.ts";
export type { ErrorCode, Options, Reason, Result, Telltale } from "./types.ts";

/**
 * Follows the page, unless the visitor asked not to be. Never throws; on a server it does nothing.
 *
 * @example
 * const telltale = start({ key: "tp_...", endpoint: "https://telltale.example" });
 * const { needsChallenge, sessionId } = await telltale.analyze();
 */
export function start(options: Options): Telltale {
  if (typeof window === "undefined" || typeof document === "undefined") return still("off");
  const report = reporter(options?.onError);
  try {
    const wrong = whatIsWrong(options ?? {});
    if (!wrong) return refusesTracking() ? still("off") : new Tracker(options, report);
    report("misconfigured", wrong);
  } catch (error) {
    report("internal", String(error));
  }
  return still("unavailable");
}

/** One that follows nothing. */
function still(status: Exclude<Result["status"], "judged">): Telltale {
  return {
    sessionId: null,
    analyze: () => Promise.resolve(nothing(null, status)),
    setConsent: () => undefined,
    setUser: () => undefined,
    stop: () => undefined,
  };
}
