import type { Destination } from "../ports/destination.ts";

/** Wraps a destination and fails its n-th call (1 is the first). `calls` counts them. */
export function faultyDestination(inner: Destination, fault: { readonly failOnCall: number; readonly error: Error }): Destination & { readonly calls: number } {
  let calls = 0;
  const count = (): void => {
    calls += 1;
    if (calls === fault.failOnCall) throw fault.error;
  };
  return {
    name: inner.name,
    concurrency: inner.concurrency,
    get calls() {
      return calls;
    },
    async put(key, artifact, call) {
      count();
      return await inner.put(key, artifact, call);
    },
    async get(key, call) {
      count();
      return await inner.get(key, call);
    },
    async stat(key, call) {
      count();
      return await inner.stat(key, call);
    },
    async *list(prefix, call) {
      count();
      yield* inner.list(prefix, call);
    },
    async delete(key, call) {
      count();
      await inner.delete(key, call);
    },
    close: () => inner.close(),
  };
}
