/** The journal: written beside the fold, read and run through the core again, or made a scenario of. */
export { type Golden, goldenOf } from './golden.ts';
export {
  baseLine,
  baseStateLine,
  fleetLine,
  fleetStateLine,
  type JournalHeader,
  type JournalLine,
  journalFormat,
  plainLine,
} from './lines.ts';
export { JournalReader, type ReadHeader, type ReadLine, readHeader } from './read.ts';
export { Replay, type ReplayCounts, type Told } from './replay.ts';
export { type ScenarioOptions, scenarioOf } from './scenario.ts';
