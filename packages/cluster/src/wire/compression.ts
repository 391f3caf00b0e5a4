/** Large answers are sent compressed to who takes it, as a real server does: gzip alone, at its fastest, from 128 KiB on. */
import { gzip } from 'node:zlib';

const LEAST_BYTES = 128 * 1024;
const LEVEL = 1;

/** Whether an answer of this size goes compressed. @param accepted  the header Accept-Encoding; weights are not looked at */
export function isCompressed(accepted: string | undefined, size: number): boolean {
  return size > LEAST_BYTES && accepted?.split(',').some((one) => one.trim() === 'gzip') === true;
}

/** Off the main thread: the server answers others meanwhile. */
export function compressed(body: string | Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    gzip(body, { level: LEVEL }, (error, result) => (error === null ? resolve(result) : reject(error)));
  });
}
