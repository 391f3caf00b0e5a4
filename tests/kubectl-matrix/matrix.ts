/**
 * The matrix: what people do with kubectl in daily use, and what it prints. The snapshots of each version are what that kubectl printed against a real
 * 1.34.4; they are written there and nowhere else (`CONTRIBUTING.md`).
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { realKubeconfig } from '../support/cluster.ts';
import { askKubectl, isListed, type KubectlBinary, kubectlHere, LISTED, noKubectl } from '../support/kubectl.ts';
import type { Chapter, Line } from './chapter.ts';
import { chapters } from './chapters/index.ts';
import { alike, neighboursOf } from './snapshots.ts';
import { openStage } from './stage.ts';

/** Chapters at once on embedded clusters, which each has its own; a real one plays them one after another. */
const AT_ONCE = realKubeconfig === undefined ? 3 : 1;

/** A line may have to wait for a lane, and for what its chapter is given. */
const LINE_TIMEOUT_MS = 180_000;

/** `build/kubectl` of `npm run test:kubectl`: a folder a version. In `npm test` one version is played, the one at hand. */
const folder = process.env.KUBECTL_VERSIONS;

/** The binary of this minor version, or undefined. */
function findKubectl(minor: string): KubectlBinary | undefined {
  const found = folder === undefined ? kubectlHere : askKubectl(join(folder, minor, 'kubectl'));
  return found?.minor === minor ? found : undefined;
}

/** Why `npm test` plays nothing of the matrix, or undefined. */
export const notPlayed: string | undefined =
  noKubectl ??
  (kubectlHere === undefined || isListed(kubectlHere.minor) || neighboursOf(kubectlHere.minor) !== undefined
    ? undefined
    : `what kubectl ${kubectlHere.minor} prints is not known here; npm run test:kubectl fetches ${LISTED.join(', ')}`);

/** While one chapter is worked on: only that one is played (`KUBECTL_CHAPTER=nodes`). */
const only = process.env.KUBECTL_CHAPTER;
const isPlayed = ({ name }: Chapter): boolean => only === undefined || name === only;

/** What runs here: all of it on a real cluster or with versions of its own; in `npm test` what is typed most. */
const isWhole = realKubeconfig !== undefined || folder !== undefined;
const linesOf = ({ lines, more = [] }: Chapter): readonly Line[] => (isWhole ? [...lines, ...more] : lines);

export const textOf = (line: Line): string => (typeof line === 'string' ? line : line.line);
const differsOf = (line: Line) => (typeof line === 'string' ? undefined : line.differs);

/** Declares a test a line, held against this version's snapshots. @param minor  `1.32` */
export function matrix(minor: string): void {
  const kubectl = findKubectl(minor);
  // The names of what is skipped stay as they are: by them the snapshots are kept.
  describe.runIf(kubectl === undefined)(`kubectl ${minor}`, () => {
    const where = folder === undefined ? 'another one is played here' : `no kubectl ${minor} in ${folder}`;
    test.skip(`left out: ${where}`, () => undefined);
  });
  describe.skipIf(kubectl === undefined)(`kubectl ${minor} [SPEC C170]`, () => {
    declareLines(kubectl, () => (answer) => expect(answer).toMatchSnapshot());
  });
}

/**
 * Declares the same for a kubectl whose version is none of the listed ones, but lies between two of them: what those two print alike, it prints, too. What
 * they print differently is played and not compared. Where no such kubectl is at hand one test says so.
 */
export function matrixBetween(): void {
  const kubectl = folder === undefined && realKubeconfig === undefined ? kubectlHere : undefined;
  const neighbours = kubectl === undefined || isListed(kubectl.minor) ? undefined : neighboursOf(kubectl.minor);
  if (kubectl === undefined || neighbours === undefined) {
    test.skip(`left out: ${notPlayed ?? 'kubectl is of a listed version'}`, () => undefined);
    return;
  }
  const known = alike(...neighbours);
  describe(`kubectl ${kubectl.minor}, as ${neighbours.join(' and ')} [SPEC C170]`, () => {
    declareLines(kubectl, (name) => {
      const expected = known.get(name);
      return expected === undefined ? undefined : (answer) => expect(answer).toBe(expected);
    });
  });
}

/** @param checkOf  what holds of the answer to the line of this name (`chapter > kubectl line 1`, the second one of its words `… 2`); undefined where nothing is known */
function declareLines(
  kubectl: KubectlBinary | undefined,
  checkOf: (name: string) => ((answer: string | undefined) => void) | undefined,
): void {
  const plays = new Map<Chapter, Play>(chapters.map((chapter) => [chapter, new Play(chapter)]));
  const whole: Array<Promise<void>> = [];
  beforeAll(() => {
    const waiting = [...plays].filter(([chapter]) => isPlayed(chapter)).map(([, play]) => play);
    const lane = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
        await next.perform(kubectl?.path ?? '');
    };
    for (let at = 0; at < AT_ONCE; at += 1) whole.push(lane());
  });
  afterAll(() => Promise.all(whole));

  for (const chapter of chapters) {
    describe.skipIf(!isPlayed(chapter))(chapter.name, () => {
      const answerOf = (at: number) => plays.get(chapter)?.answer(at);
      const counts = new Map<string, number>();
      const declare = (part: readonly Line[], from: number, isSkipped: boolean): void => {
        for (const [index, line] of part.entries()) {
          const at = from + index;
          const name = `kubectl ${textOf(line)}`;
          const differs = realKubeconfig === undefined ? differsOf(line) : undefined;
          const count = (counts.get(name) ?? 0) + 1;
          counts.set(name, count);
          const check = checkOf(`${chapter.name} > ${name} ${count}`);
          // Left out where it differs, not left away: a snapshot that no test has the name of counts as obsolete.
          test.skipIf(isSkipped || differs !== undefined || check === undefined)(
            name,
            async () => check?.(await answerOf(at)),
            LINE_TIMEOUT_MS,
          );
          if (differs === undefined) continue;
          test.skipIf(isSkipped)(
            `${name}: differs`,
            async () => expect(await answerOf(at)).toMatch(differs.says),
            LINE_TIMEOUT_MS,
          );
        }
      };
      declare(chapter.lines, 0, false);
      declare(chapter.more ?? [], chapter.lines.length, !isWhole);
    });
  }
}

/** A chapter under way: its lines in order, each with a promise of its own. */
class Play {
  readonly #chapter: Chapter;
  readonly #answers: ReadonlyArray<PromiseWithResolvers<string>>;

  constructor(chapter: Chapter) {
    this.#chapter = chapter;
    this.#answers = linesOf(chapter).map(() => Promise.withResolvers<string>());
    // Whoever reads them hears of a failure; until then it is not unhandled.
    for (const { promise } of this.#answers) promise.catch(() => undefined);
  }

  answer(at: number): Promise<string> | undefined {
    return this.#answers[at]?.promise;
  }

  /** Never rejects: what fails, fails in the lines. */
  async perform(kubectl: string): Promise<void> {
    try {
      const stage = await openStage(this.#chapter, kubectl);
      try {
        for (const [at, line] of linesOf(this.#chapter).entries()) this.#answers[at]?.resolve(await stage.run(line));
      } finally {
        await stage.close();
      }
    } catch (error) {
      for (const { reject } of this.#answers) reject(error);
    }
  }
}
