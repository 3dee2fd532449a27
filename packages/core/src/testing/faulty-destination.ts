import type { Destination } from "../ports/destination.ts";

export interface Fault {
  /** 1 is the first call of any method but `close`; 0 never fails. */
  readonly failOnCall: number;
  readonly error: unknown;
  /** `after` does the work and then fails, as a lost answer does; default `before`. */
  readonly when?: "before" | "after";
}

export interface CountedCalls {
  /** So far. */
  readonly calls: number;
}

/** Any destination, whose n-th call fails: every run test has a twin with a fault. */
export function faultyDestination<D extends Destination>(destination: D, fault: Fault): D & CountedCalls {
  let calls = 0;
  const guard = async <T>(work: () => Promise<T>): Promise<T> => {
    calls += 1;
    if (calls !== fault.failOnCall) return await work();
    if (fault.when === "after") await work();
    throw fault.error;
  };
  return {
    ...destination,
    get calls() {
      return calls;
    },
    put: (key, artifact, options) => guard(() => destination.put(key, artifact, options)),
    get: (key, options) => guard(() => destination.get(key, options)),
    stat: (key, options) => guard(() => destination.stat(key, options)),
    async *list(prefix, options) {
      calls += 1;
      const failing = calls === fault.failOnCall;
      if (failing && fault.when !== "after") throw fault.error;
      yield* destination.list(prefix, options);
      if (failing) throw fault.error;
    },
    delete: (key, options) => guard(() => destination.delete(key, options)),
  } satisfies Destination & CountedCalls;
}
