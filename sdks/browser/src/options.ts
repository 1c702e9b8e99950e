import { type Options, type Report, TelltaleError } from "./types.ts";

const USER_ID = /^[A-Za-z0-9._:@=+~-]{1,128}$/;

/** A visitor may say no to all sites at once: do not track, and the global privacy control. */
interface Wishes extends Navigator {
  globalPrivacyControl?: boolean;
}

/** Whether the visitor asked not to be followed. */
export function refusesTracking(): boolean {
  const wishes: Wishes = navigator;
  return wishes.globalPrivacyControl === true || wishes.doNotTrack === "1";
}

/** Tells what is wrong with the options; null when nothing is. */
export function whatIsWrong({ key, endpoint, sampleRate = 1 }: Options): string | null {
  if (typeof key !== "string" || !key.startsWith("tp_")) {
    return "key must be a publishable key, tp_...; a secret key (tt_...) never belongs in a page";
  }
  if (!/^https?:\/\/[^/]/.test(endpoint)) return "endpoint must be the gateway's address, such as https://telltale.example";
  return sampleRate >= 0 && sampleRate <= 1 ? null : "sampleRate must be a share, 0 to 1";
}

/** Checks a user's id; one that the gateway would refuse is told, and left out. Undefined stays: nobody knows. */
export function userIdOf<Said extends string | null | undefined>(said: Said, report: Report): Said | null {
  if (said === null || said === undefined || USER_ID.test(said)) return said;
  report("misconfigured", "userId must be 1 to 128 of A-Z a-z 0-9 . _ : @ = + ~ -; the session goes on without it");
  return null;
}

/** Makes the way to the site's `onError`; what that throws goes no further. */
export function reporter(onError: Options["onError"]): Report {
  let hadFault = false;
  return (code, message, lostEvents = 0) => {
    if (code === "internal" && hadFault) return; // a fault in a listener comes again with every event
    hadFault ||= code === "internal";
    try {
      if (onError) onError(new TelltaleError(code, message, lostEvents));
      else console.warn(`telltale: ${message}`);
    } catch {
      // Not ours, and the page must not feel it.
    }
  };
}
