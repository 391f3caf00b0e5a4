/** Polls a state until it holds; fails with what it was at the deadline. */
export async function eventually(holds: () => boolean, describe: () => string, withinMs = 8_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`not so after ${withinMs} ms: ${describe()}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
