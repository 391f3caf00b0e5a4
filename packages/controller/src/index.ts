/** @kouplet/controller: the edges. Sources, the pipeline, execute, health and metrics. */
export type { Change, ModulePlace } from './changes.ts';
export { type EdgeClock, systemClock } from './clock.ts';
export { type Controller, type ControllerOptions, startController } from './controller.ts';
export { type Journal, JournalError, type JournalOptions, openJournal } from './journal/journal.ts';
export { type Log, type LogOptions, maskSecrets, type OpenLog, openLog } from './log.ts';
export { type LogsServer, type LogsServerOptions, type LogsTls, listenForLogs } from './logs/server.ts';
export { ReplicaError } from './only-replica.ts';
export { type CoreFunctions, core } from './pipeline/pipeline.ts';
export { AccessError, type AccessProblem, type Features, rightsNeeded } from './rights.ts';
