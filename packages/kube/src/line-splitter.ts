/** Cuts a stream of bytes into lines. Each byte is looked at once and copied at most once, however the chunks fall. */

export interface LineSplitter {
  /**
   * The lines that this chunk completes, without their line feed, empty ones left out; in order.
   * Throws LineTooLong once the unfinished line is longer than allowed; the splitter is then of no more use.
   */
  push(chunk: Buffer): Buffer[];
}

export class LineTooLong extends Error {
  constructor(maxLineBytes: number) {
    super(`a line is longer than ${maxLineBytes} bytes`);
    this.name = 'LineTooLong';
  }
}

const lineFeed = 0x0a;

export function createLineSplitter(maxLineBytes: number): LineSplitter {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  return {
    push(chunk) {
      const lines: Buffer[] = [];
      let start = 0;
      for (let end = chunk.indexOf(lineFeed); end !== -1; end = chunk.indexOf(lineFeed, start)) {
        const tail = chunk.subarray(start, end);
        const line = pending.length === 0 ? tail : Buffer.concat([...pending, tail]);
        pending = [];
        pendingBytes = 0;
        if (line.length > maxLineBytes) throw new LineTooLong(maxLineBytes);
        if (line.length > 0) lines.push(line);
        start = end + 1;
      }
      if (start < chunk.length) {
        pending.push(chunk.subarray(start));
        pendingBytes += chunk.length - start;
        if (pendingBytes > maxLineBytes) throw new LineTooLong(maxLineBytes);
      }
      return lines;
    },
  };
}
