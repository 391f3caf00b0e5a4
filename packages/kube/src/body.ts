/** Reading an answer's body without letting it grow without bound. */
import type { Readable } from 'node:stream';

/** The first `limit` bytes; `isWhole` is false where there was more, which is then not read: its connection is cut. Rejects where the body breaks off. */
export function readBounded(body: Readable, limit: number): Promise<{ bytes: Buffer; isWhole: boolean }> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    body.on('data', (chunk: Buffer) => {
      size += chunk.length;
      chunks.push(chunk);
      if (size > limit) {
        resolve({ bytes: Buffer.concat(chunks).subarray(0, limit), isWhole: false });
        body.destroy();
      }
    });
    body.on('end', () => resolve({ bytes: Buffer.concat(chunks), isWhole: true }));
    body.on('error', reject);
    body.on('close', () => reject(new Error('the connection was closed within the answer')));
  });
}
