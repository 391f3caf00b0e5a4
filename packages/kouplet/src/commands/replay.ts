/** `kouplet replay FILE`: a journal through the core again, in words; or as a scenario. */
import { type Golden, goldenOf, type JournalLine, maskText, Replay, type Told } from '@kouplet/core';
import { failed, messageOf } from '../failure.ts';
import { type JournalPart, type PlacedLine, partsOf, readPart } from '../journal-file.ts';
import { say, warn } from '../output.ts';
import { listed } from '../up/lines.ts';

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
  if (flags.scenario === true) return writeScenario(path, parts, flags.base);
  const { policy, version, at } = first;
  const count = parts.length === 1 ? '' : `, in ${parts.length} parts`;
  say(`journal of Kouplet ${version}, env ${policy.env}, as ${policy.holderIdentity}, from ${at}${count}`);
  if (first.part > 1) say('what came before is not in it: each base begins with what was known of it');
  const replayed = new Replay(policy);
  const tell = (line: JournalLine): void => {
    for (const told of replayed.take(line)) if (isAskedFor(told, flags.base)) say(textOf(told));
  };
  const bases = new Bases();
  for (const part of parts) for await (const { line } of linesOf(part)) tell(bases.seen(line));
  bases.check(path, flags.base);
  const { inputs, does, did, would, ...counts } = replayed.counts;
  say(
    `${inputs} inputs of ${counts.bases} bases; ${does} of ${does + did} actions planned by this version too, ${would} by it alone`,
  );
}

/** Whose lines came by, for who asks for one that has none. */
class Bases {
  readonly #ids = new Set<string>();

  seen(line: JournalLine): JournalLine {
    if ('baseId' in line) this.#ids.add(line.baseId);
    return line;
  }

  /** @throws Failure where there is nothing of that base */
  check(path: string, base: string | undefined): void {
    if (base === undefined || this.#ids.has(base)) return;
    throw failed(`${path}: there is nothing of base ${base} in it`, `It tells of ${listed([...this.#ids]) || 'none'}.`);
  }
}

function linesOf({ path }: JournalPart): AsyncGenerator<PlacedLine> {
  return readPart(path, (number) =>
    warn(`kouplet: ${path}: line ${number}, the last, is cut and left out: the process was killed while it wrote it`),
  );
}

/** On the standard output; what there is to be said of it goes elsewhere. */
async function writeScenario(path: string, parts: readonly JournalPart[], base: string | undefined): Promise<void> {
  const lines: JournalLine[] = [];
  const bases = new Bases();
  for (const part of parts) for await (const { line } of linesOf(part)) lines.push(bases.seen(line));
  bases.check(path, base);
  const [first] = parts;
  if (first === undefined) return;
  const { policy, version, at } = first.header;
  const title = `From a journal of Kouplet ${version} of ${at}`;
  let golden: Golden;
  try {
    golden = await goldenOf(lines, { policy, title, ...(base === undefined ? {} : { base }) });
  } catch (error) {
    throw failed(
      `${path}: no scenario comes of it: ${messageOf(error)}`,
      base === undefined
        ? 'Try one base alone, with --base.'
        : 'kouplet replay without --scenario reads it all the same.',
    );
  }
  // It holds marks of URLs, which tell one from another: masked again, a changed token would be none.
  process.stdout.write(golden.text);
  const { recorded, again } = golden;
  const isSame = recorded.length === again.length && recorded.every((one, place) => one === again[place]);
  warn(
    isSame
      ? `kouplet: every command of the journal (${recorded.length}) comes of it again, in order`
      : `kouplet: of the ${recorded.length} commands of the journal ${again.length} came of it, or in another order: a journal does not tell what others did`,
  );
}

function isAskedFor({ kind, baseId }: Told, base: string | undefined): boolean {
  return base === undefined || baseId === base || kind === 'gap' || kind === 'link';
}

function textOf({ kind, at, baseId, text }: Told): string {
  const time = at === undefined ? '-' : new Date(at.wall).toISOString();
  return `${time.padEnd(24)}  ${kind.padEnd(5)}  ${baseId === undefined ? '' : `${baseId}  `}${maskText(text)}`;
}
