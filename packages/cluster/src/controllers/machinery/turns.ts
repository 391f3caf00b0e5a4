/**
 * Work that must not run inside the write that caused it. A turn of the event loop, not an amount of time: it costs no
 * wait, lets sockets be served between two batches, and needs no clock.
 */
export function inLaterTurn(fn: () => void): void {
  setImmediate(fn);
}
