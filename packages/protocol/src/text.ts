/** Text from outside, made fit to keep, to log and to show: one line where one line is due, and never longer than its bound. */

/** Longest one-line reason in bytes: it stands in a container state and, with words around it, in an Event (whose limit is 1,024). */
export const longestLineBytes = 800;

/** Longest whole text of a failure in bytes: real stack traces reach 7 kB, their head and the deepest cause are what is read. */
export const longestDetailBytes = 4096;

/** As much of a text as is looked at for one line: a megabyte of blanks must not cost a pass over it. */
const longestScan = 16_384;

/**
 * Cuts a text to at most so many bytes of UTF-8, by whole code points; what was cut ends in `…`. [SPEC P14]
 */
export function cutBytes(text: string, maxBytes: number): string {
  const room = maxBytes - bytesOf('…');
  let bytes = 0;
  let kept = 0;
  for (const point of text) {
    bytes += bytesOf(point);
    if (bytes > maxBytes) return `${text.slice(0, kept)}…`;
    if (bytes <= room) kept += point.length;
  }
  return text;
}

/** Bytes of one code point in UTF-8; half a surrogate pair becomes U+FFFD. */
function bytesOf(point: string): number {
  const code = point.codePointAt(0) ?? 0;
  if (code < 0x80) return 1;
  if (code < 0x800) return 2;
  return code < 0x10000 ? 3 : 4;
}

/** One line: every run of white space and control characters becomes one blank; cut to `maxBytes`. [SPEC P14] */
export function oneLine(text: string, maxBytes = longestLineBytes): string {
  return cutBytes(
    text
      .slice(0, longestScan)
      .replace(/[\s\p{Cc}]+/gu, ' ')
      .trim(),
    maxBytes,
  );
}

/**
 * The deepest cause in a Java stack trace: its last `Caused by:` at the start of a line, as one line without those words, its
 * frames left out (a cause's own text may span lines). Undefined where there is none. [SPEC P13]
 *
 * Source: recorded failures; `response.message` of a start-up failure is only `java.lang.reflect.InvocationTargetException`.
 */
export function deepestCause(stackTrace: string): string | undefined {
  const mark = 'Caused by: ';
  const at = stackTrace.startsWith(mark) ? 0 : -1;
  const last = stackTrace.lastIndexOf(`\n${mark}`);
  const start = last >= 0 ? last + 1 : at;
  if (start < 0) return undefined;
  const tail = stackTrace.slice(start + mark.length, start + mark.length + longestScan);
  const frames = tail.search(/\n[ \t]+(?:at |\.\.\. \d)/);
  return oneLine(frames >= 0 ? tail.slice(0, frames) : tail) || undefined;
}
