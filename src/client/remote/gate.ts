/** Runs at most `most` at a time, the others in the order they came. */
export function createGate(most: number): <T>(task: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (task) => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await task();
    } finally {
      // Its place goes to the next one as it is, so that nobody comes in between.
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}
