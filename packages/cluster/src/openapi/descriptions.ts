/**
 * What a type and its fields mean, in the words of the API's own documentation: read from the declarations of
 * @kubernetes/client-node, where that is installed, when somebody first asks. None of it is kept in this repository.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

export interface Descriptions {
  /** '' where nothing is said. */
  readonly type: string;
  readonly fields: ReadonlyMap<string, string>;
}

const NOTHING: Descriptions = { type: '', fields: new Map() };
/** undefined: not looked for yet; '' : not installed. */
let folder: string | undefined;

/** Where the declarations are; '' where the library is not installed. */
export function descriptionsFolder(): string {
  if (folder === undefined) {
    try {
      const library = createRequire(import.meta.url).resolve('@kubernetes/client-node');
      folder = join(dirname(library), 'gen/models');
    } catch {
      folder = '';
    }
  }
  return folder;
}

/** Nothing for a type that the library does not have. */
export function describe(type: string, from: string = descriptionsFolder()): Descriptions {
  if (from === '') return NOTHING;
  let source: string;
  try {
    source = readFileSync(join(from, `${type}.d.ts`), 'utf8');
  } catch {
    return NOTHING;
  }
  const fields = new Map<string, string>();
  for (const match of source.matchAll(/\/\*\*\n((?:[ \t]*\*(?!\/).*\n)+)[ \t]*\*\/\n[ \t]*'([^']+)'\??:/g)) {
    fields.set((match[2] ?? '').replace(/^_/, ''), plain(match[1] ?? ''));
  }
  const own = /\/\*\*\n((?:[ \t]*\*(?!\/).*\n)+)[ \t]*\*\/\nexport declare class/.exec(source);
  return { type: plain(own?.[1] ?? ''), fields };
}

function plain(comment: string): string {
  return comment
    .split('\n')
    .map((line) => line.replace(/^[ \t]*\*[ \t]?/, ''))
    .join('\n')
    .trim()
    .replace(/\\(['"`\\])/g, '$1')
    .replace(/\*_\//g, '*/');
}
