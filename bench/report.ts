/** What a benchmark is, and how its figures are told: each beside the reference measured in the same run, for machines differ and runs do too. */

export interface Figure {
  /** What was measured, in a few words. */
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What it is to be held against, measured in this run in the same unit. */
  readonly reference?: { readonly name: string; readonly value: number };
  /** What is aimed at, for the reader; nothing fails by it. */
  readonly aim?: string;
}

export type Report = (figure: Figure) => void;

/** The face of every `bench/*.bench.ts`. */
export interface Bench {
  readonly name: string;
  /** One line. */
  readonly about: string;
  readonly run: (report: Report) => Promise<void>;
}

/** The value below which a part of the samples lies; 0 of none. */
export function quantile(samples: readonly number[], part: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

/** One line for one figure. */
export function lineOf(figure: Figure): string {
  const { name, value, unit, reference, aim } = figure;
  const beside =
    reference === undefined
      ? ''
      : `   ${reference.name}: ${shown(reference.value)} ${unit}${reference.value > 0 ? ` (×${(value / reference.value).toFixed(2)})` : ''}`;
  return `  ${name.padEnd(58)} ${shown(value).padStart(10)} ${unit}${beside}${aim === undefined ? '' : `   aim: ${aim}`}`;
}

function shown(value: number): string {
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(Math.abs(value) < 1 ? 3 : 2);
}
