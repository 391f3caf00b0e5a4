/**
 * A stranger's regular expression must not stop the server: RE2 takes a time that grows with the text alone, JavaScript's engine may take for
 * ever. So what could run away runs where it can be stopped.
 */
import { createContext, Script } from 'node:vm';

/** Far more than a pattern needs that is meant well. */
const WITHIN_MS = 100;
/** Below this length a pattern without repeated groups has an end in sight. */
const SHORT = 256;
const MOST_REPETITIONS = 3;
const MAX_REMEMBERED = 256;

const stage: { expression: RegExp | undefined; text: string } = { expression: undefined, text: '' };
let context: object | undefined;
const script = new Script('expression.test(text)');
/** Expressions that had to be stopped once: they get no second chance to keep everybody waiting. */
const runaways = new Set<string>();

/** Whether the text matches; one that cannot be told in time does not. */
export function isMatch(expression: RegExp, text: string): boolean {
  const { source } = expression;
  if (isHarmless(source, text)) return expression.test(text);
  if (runaways.has(source)) return false;
  context ??= createContext(stage);
  stage.expression = expression;
  stage.text = text;
  try {
    return script.runInContext(context, { timeout: WITHIN_MS }) === true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
    if (runaways.size >= MAX_REMEMBERED) runaways.clear();
    runaways.add(source);
    return false;
  }
}

/** No group is repeated, few other things are, and the text is short: then even every way of matching is tried soon. */
function isHarmless(source: string, text: string): boolean {
  const repetitions = source.match(/[*+]|\{\d*,\d*\}/g)?.length ?? 0;
  return text.length <= SHORT && repetitions <= MOST_REPETITIONS && !/\)(?:[*+]|\{)/.test(source);
}
