/** `kouplet replay FILE`: a journal through the core again, in words; or as a scenario. */
import { type JournalLine, maskText, Replay, type Told } from '@kouplet/core';
import { partsOf, readPart } from '../journal-file.ts';
import { say, warn } from '../output.ts';

export interface ReplayFlags {
  readonly base?: string;
  readonly scenario?: true;
}

export async function replay(path: string, flags: ReplayFlags): Promise<void> {
  // Whoever reads it may have seen enough: `kouplet replay FILE | head`.
  process.stdout.on('error', () => process.exit(0));
  const parts = await partsOf(path);
  const first = parts[0]?.header;
  if (first === undefined) return;
  const { policy, version, at } = first;
  const count = parts.length === 1 ? '' : `, in ${parts.length} parts`;
  say(`journal of Kouplet ${version}, env ${policy.env}, as ${policy.holderIdentity}, from ${at}${count}`);
  if (first.part > 1) say('what came before is not in it: each base begins with what was known of it');
  const replayed = new Replay(policy);
  const tell = (line: JournalLine): void => {
    for (const told of replayed.take(line)) if (isAskedFor(told, flags.base)) say(textOf(told));
  };
  for (const part of parts) {
    const cut = (number: number): void =>
      warn(
        `kouplet: ${part.path}: line ${number}, the last, is cut and left out: the process was killed while it wrote it`,
      );
    for await (const { line } of readPart(part.path, cut)) tell(line);
  }
  const { inputs, bases, does, did, would } = replayed.counts;
  say(
    `${inputs} inputs of ${bases} bases; ${does} of ${does + did} actions planned by this version too, ${would} by it alone`,
  );
}

function isAskedFor({ kind, baseId }: Told, base: string | undefined): boolean {
  return base === undefined || baseId === base || kind === 'gap' || kind === 'link';
}

function textOf({ kind, at, baseId, text }: Told): string {
  const time = at === undefined ? '-' : new Date(at.wall).toISOString();
  return `${time.padEnd(24)}  ${kind.padEnd(5)}  ${baseId === undefined ? '' : `${baseId}  `}${maskText(text)}`;
}
