/** What a chapter of the matrix is: command lines as a person types them, on a cluster that is prepared for them. */

/** A line alone, or with what it needs. */
export type Line =
  | string
  | {
      /** What follows `kubectl`, quoted as in a shell; it runs in the folder `manifests`. */
      readonly line: string;
      readonly stdin?: string;
      /** What `kubectl edit` opens instead of an editor: a command that is given the file. */
      readonly editor?: string;
      /** States that are waited for first; how they are written: stage.ts, `holds`. */
      readonly until?: string | readonly string[];
      /** Rows whose order is chance are compared sorted. */
      readonly sorted?: true;
      /** Why this line cannot say the same here as on a real cluster, and what it says instead (both streams). */
      readonly differs?: { readonly reason: string; readonly says: RegExp };
    };

/** Lines that follow one another in one namespace of one cluster; the first finds it as `given` describes it. */
export interface Chapter {
  /** Also the namespace. */
  readonly name: string;
  /** Nodes that are Ready and run what is bound to them. */
  readonly nodes?: readonly string[];
  /** Files of `manifests`, created in this order before the first line. */
  readonly given?: readonly string[];
  /** States that the first line waits for, as in a line. */
  readonly until?: readonly string[];
  readonly lines: readonly Line[];
  /** Lines after those, which `npm test` leaves to `npm run test:kubectl`. */
  readonly more?: readonly Line[];
}

/** The words of a line, as a POSIX shell would split it: blanks part, quotes of both kinds keep together. */
export function wordsOf(line: string): string[] {
  const words: string[] = [];
  for (const [, word = ''] of line.matchAll(/\s*((?:'[^']*'|"[^"]*"|[^\s'"])+)/g)) {
    words.push(
      word.replace(/'([^']*)'|"([^"]*)"/g, (_all, single?: string, double?: string) => single ?? double ?? ''),
    );
  }
  return words;
}
