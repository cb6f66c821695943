import type { HubFetchOptions, HubTransfer } from './contract.js';

interface Call {
  readonly result: Promise<void>;
  readonly controller: AbortController;
  readonly callers: Set<HubFetchOptions>;
}

/** Runs an action for a key, or joins the one that already runs for it. */
export type ShareCalls = (
  key: string,
  action: (options: { readonly signal: AbortSignal; readonly onTransfer: (transfer: HubTransfer) => void }) => Promise<void>,
  options: HubFetchOptions,
) => Promise<void>;

/**
 * Makes calls at the same time for the same key share one action.
 *
 * Every caller hears the progress and may leave by its own signal; the action is stopped when the last one leaves, which
 * then waits until it has come to rest.
 */
export const shareCalls = (): ShareCalls => {
  const running = new Map<string, Call>();

  const start = (key: string, action: Parameters<ShareCalls>[1]): Call => {
    const controller = new AbortController();
    const callers = new Set<HubFetchOptions>();
    const onTransfer = (transfer: HubTransfer): void => {
      for (const caller of callers) caller.onTransfer?.(transfer);
    };
    const result = action({ signal: controller.signal, onTransfer }).finally(() => running.delete(key));
    const call = { result, controller, callers };
    running.set(key, call);
    return call;
  };

  return async (key, action, options) => {
    let call = running.get(key);
    while (call?.controller.signal.aborted === true) {
      await Promise.allSettled([call.result]);
      call = running.get(key);
    }
    options.signal?.throwIfAborted();
    const { result, controller, callers } = call ?? start(key, action);
    // One object may be passed to several calls: each is a caller of its own.
    const caller = { ...options };
    callers.add(caller);
    return new Promise<void>((resolve, reject) => {
      const onAbort = (): void => {
        callers.delete(caller);
        if (callers.size === 0) controller.abort(options.signal?.reason);
        else reject(options.signal?.reason as Error);
      };
      options.signal?.addEventListener('abort', onAbort, { once: true });
      const end = (): void => {
        options.signal?.removeEventListener('abort', onAbort);
        callers.delete(caller);
      };
      void result.finally(end).then(resolve, reject);
    });
  };
};
