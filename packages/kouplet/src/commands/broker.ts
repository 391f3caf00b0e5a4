/** `kouplet broker`: the embedded broker alone. */
import { startBroker } from '@kouplet/broker';
import { openLog } from '@kouplet/controller';
import { followServerFiles, readServerFiles, type ServerFlags } from '../files.ts';
import { brokerLogTo } from '../output.ts';
import { listenToSignals } from '../stopping.ts';
import type { HostPort } from '../values.ts';

export interface BrokerFlags extends ServerFlags {
  readonly listen: HostPort;
}

export async function broker(flags: BrokerFlags): Promise<void> {
  const files = readServerFiles(flags);
  const { log, close, flush } = openLog();
  process.once('exit', flush);
  const lifetime = listenToSignals((code) => {
    close();
    process.exit(code);
  });
  try {
    // A controller elsewhere connects to it as a client: without users it is known by its client id.
    const started = await startBroker({ ...flags.listen, ...files, openController: true, log: brokerLogTo(log) });
    log.info({ url: started.url }, 'listening');
    const unfollow = followServerFiles(flags, started.renew, (message) => log.error({ message }, 'files-not-renewed'));
    await lifetime.ended;
    unfollow();
    await started.close();
    log.info({}, 'stopped');
  } finally {
    close();
  }
}
