/** A time of the page, as `event.timeStamp` and `performance.now()` give it: milliseconds since the page began. */
export type PageMs = number;

/** To a tenth of a millisecond, which is what browsers tell. */
export const tenth = (ms: number): number => Math.round(ms * 10) / 10;

/**
 * Where the page's times start, in milliseconds since 1970. It is taken once for a session, so that a clock that is
 * set in between moves no event. Taken from the wall clock, since `performance.timeOrigin` stands still in sleep.
 */
export const originNow = (): number => Math.round(Date.now() - performance.now());

/** A page's time as RFC 3339 with tenths of milliseconds. */
export function rfc3339(originMs: number, at: PageMs): string {
  const tenths = Math.round((originMs + at) * 10);
  const text = new Date(Math.floor(tenths / 10)).toISOString();
  return tenths % 10 ? `${text.slice(0, -1)}${tenths % 10}Z` : text;
}
