/**
 * What a container gives its module beside name, version and URL, by the choice of an annotation of its Pod: literal variables
 * and arguments. A base takes both with an install; without the annotation they stay here, as upstream has it. [SPEC M43]
 */
import type { HandOver } from '@kouplet/protocol';
import type { ContainerSpec } from './observed.ts';

/** `env`, `args`, or both with a comma. */
export const handOverAnnotation = 'kouplet.io/hand-over';

export interface Handed {
  readonly hasEnv: boolean;
  readonly hasArgs: boolean;
  /** A word that is neither. */
  readonly unknown?: string;
}

/** What the annotation's value chooses; absent and empty choose nothing. */
export function handedOf(value = ''): Handed {
  const words = value
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
  const unknown = words.find((word) => word !== 'env' && word !== 'args');
  return {
    hasEnv: words.includes('env'),
    hasArgs: words.includes('args'),
    ...(unknown === undefined ? {} : { unknown }),
  };
}

/** Of a container without faults. BIZ_VERSION is the module's version and no variable of it; of doubled names the last counts. */
export function handOverOf(container: ContainerSpec, { hasEnv, hasArgs }: Handed): { readonly handOver?: HandOver } {
  const entries = hasEnv ? (container.env ?? []).filter(({ name }) => name !== 'BIZ_VERSION') : [];
  const args = hasArgs ? (container.args ?? []) : [];
  if (entries.length + args.length === 0) return {};
  return {
    handOver: {
      ...(args.length === 0 ? {} : { args }),
      ...(entries.length === 0
        ? {}
        : { envs: Object.fromEntries(entries.map(({ name, value = '' }) => [name, value])) }),
    },
  };
}
