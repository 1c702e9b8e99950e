import type { Reason, Result } from "./types.ts";

/** A result without a verdict. */
export function nothing(sessionId: string | null, status: Exclude<Result["status"], "judged">): Result {
  return {
    sessionId, status, trust: null, needsChallenge: false, challengePassed: null, confidence: null, reasons: [],
  };
}

/** Reads a judgement, from the answer to data or from a session's status; null when there is none in it. */
export function judgedIn(sessionId: string | null, body: Record<string, unknown>): Result | null {
  const said = isObject(body.result) ? body.result : body;
  const trust = said.trust_score;
  if (typeof trust !== "number") return null;
  return {
    sessionId,
    status: "judged",
    trust,
    needsChallenge: said.needs_challenge === true,
    challengePassed: null,
    confidence: typeof said.confidence === "number" ? said.confidence : null,
    reasons: Array.isArray(said.reasons) ? said.reasons.filter(isReason).map(({ code, message }) => ({ code, message })) : [],
  };
}

/** Tells whether a session's status knows of a batch, given the answer to the batch. */
export function knowsOf(status: Record<string, unknown>, sent: Record<string, unknown>): boolean {
  const said = isObject(status.result) ? status.result : {};
  // Another batch may have come later; and one sent twice was received before the answer that was heard.
  return said.batch_id === sent.batch_id || Date.parse(String(said.judged_at)) >= Date.parse(String(sent.received_at));
}

function isObject(said: unknown): said is Record<string, unknown> {
  return typeof said === "object" && said !== null;
}

function isReason(said: unknown): said is Reason {
  return isObject(said) && typeof said.code === "string" && typeof said.message === "string";
}
