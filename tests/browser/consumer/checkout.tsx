import { type Result, type Telltale, TelltaleError, start } from "@telltale/browser";
import { type BehaviorTracking, TelltaleProvider, useBehaviorTracking } from "@telltale/react";
import { useState } from "react";

const said = new URLSearchParams(globalThis.location?.search ?? "");
const site = { key: said.get("key") ?? "", endpoint: said.get("endpoint") ?? "" };

/** A page without React. */
export function followed(): Telltale {
  return start({
    ...site,
    onChallenge: async (result: Result) => result.trust !== null && result.trust > 40,
    onError: (error) => console.warn(error instanceof TelltaleError ? error.code : error),
  });
}

function Pay({ userId }: { userId: string | null }) {
  const { analyzeNow, currentTrustScore, needsCaptcha }: BehaviorTracking = useBehaviorTracking(userId);
  const [paid, setPaid] = useState<string | null>(null);
  const pay = async () => {
    const result = await analyzeNow();
    if (result && !result.needsChallenge) setPaid(result.sessionId);
  };
  if (needsCaptcha) return <p id="captcha">Are you a person?</p>;
  return <button id="pay" onClick={pay}>{paid ? `Paid, trust ${currentTrustScore}` : "Pay"}</button>;
}

export const Checkout = () => (
  <TelltaleProvider options={site}>
    <input id="name" />
    <Pay userId="u-1" />
  </TelltaleProvider>
);

export function typesAreKept(telltale: Telltale): void {
  // @ts-expect-error: a key is needed
  start({ endpoint: site.endpoint });
  // @ts-expect-error: no such option
  start({ ...site, canvas: true });
  // @ts-expect-error: a session's id is not the page's to set
  telltale.sessionId = "mine";
}
