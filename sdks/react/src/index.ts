import type { Options, Result } from "@telltale/browser";
import {
  type ReactElement, type ReactNode, createContext, createElement, useContext, useEffect, useState,
  useSyncExternalStore,
} from "react";
import { Store } from "./store.ts";

const Context = createContext<Store | null>(null);

/** What {@link useBehaviorTracking} gives. */
export interface BehaviorTracking {
  /** Sends what was seen and gives the verdict. Never rejects; null when no provider is mounted yet. */
  analyzeNow: () => Promise<Result | null>;
  /** 0 (surely a program) to 100, as of the last analysis; null before, and without a verdict. */
  currentTrustScore: number | null;
  /** Whether the last analysis asks for a challenge that was not passed. */
  needsCaptcha: boolean;
}

/**
 * Follows the page for everything below it. Options are those of `start`; a new `key` or `endpoint` begins anew.
 *
 * @example
 * <TelltaleProvider options={{ key: "tp_...", endpoint: "https://telltale.example" }}><App /></TelltaleProvider>
 */
export function TelltaleProvider(props: { options: Options; children?: ReactNode }): ReactElement {
  const { options } = props;
  const [store] = useState(() => new Store(options));
  useEffect(() => store.update(options));
  useEffect(() => store.start(), [store, options.key, options.endpoint]);
  return createElement(Context.Provider, { value: store }, props.children);
}

/**
 * Tells how far the visitor is trusted; every component below one provider sees the same.
 *
 * @param userId The site's own id of who is signed in; null when nobody is, undefined when another component tells.
 */
export function useBehaviorTracking(userId?: string | null): BehaviorTracking {
  const store = useContext(Context);
  if (!store) throw new Error("useBehaviorTracking needs a <TelltaleProvider> above it");
  useEffect(() => {
    if (userId !== undefined) store.setUser(userId);
  }, [store, userId]);
  const result = useSyncExternalStore(store.subscribe, store.result, () => null);
  return {
    analyzeNow: store.analyze,
    currentTrustScore: result?.trust ?? null,
    needsCaptcha: result !== null && result.needsChallenge && result.challengePassed !== true,
  };
}
