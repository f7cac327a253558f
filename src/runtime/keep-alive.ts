/**
 * Keeps the process while somebody waits. All timers of the house let the process go, so that a script that forgot
 * `close()` still ends; without this, one that awaits a result during a backoff would end too, in the middle.
 */
export interface KeepAlive {
  readonly hold: () => void;
  readonly release: () => void;
  readonly close: () => void;
}

const daysMs = 2 ** 30;

export function createKeepAlive(): KeepAlive {
  // One timer whose reference is taken and let go: cheaper than a timer for each wait.
  const timer = setInterval(() => undefined, daysMs).unref();
  let holders = 0;
  return {
    hold() {
      if (holders++ === 0) timer.ref();
    },
    release() {
      if (--holders === 0) timer.unref();
    },
    close() {
      clearInterval(timer);
    },
  };
}
