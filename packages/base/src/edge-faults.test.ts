import { describe, expect, it } from 'vitest';
import { startFleet } from './index.ts';
import { answers, biz1, disposals, start, startBroker, topics, until } from './testing/test-broker.ts';

describe('faults arranged from outside', () => {
  it('[SPEC S20] commands and answers get lost, installs fail, and then all is as before', async () => {
    const broker = await startBroker();
    const base = await start(broker);
    const install = () => broker.send('koupleless_dev/b1/installBiz', biz1);
    const list = async () => {
      const before = topics(broker).filter((topic) => topic.endsWith('/simpleBiz')).length;
      await broker.send('koupleless_dev/b1/queryAllBiz', {});
      await until(
        () => topics(broker).filter((topic) => topic.endsWith('/simpleBiz')).length,
        (count) => count > before,
      );
      return base.installedKeys();
    };
    base.faults.dropCommands();
    await install();
    expect(await list()).toEqual([]);
    base.faults.failInstalls(1, 404);
    await install();
    await until(
      () => answers(broker),
      (told) => told.length === 1,
    );
    expect(answers(broker)).toEqual(['FAILED']);
    base.faults.dropAnswers();
    await install();
    await until(
      () => base.installedKeys(),
      (keys) => keys.length === 1,
    );
    await install();
    await until(
      () => answers(broker),
      (told) => told.length === 2,
    );
    expect(base.log.filter((each) => each.command === 'installBiz')).toHaveLength(4);
    expect(() => base.faults.failInstalls(1, 'never')).toThrow(/no such failure: never/);
  });

  it('[SPEC S20] a frozen heart is silent while questions are answered; a mute base says nothing at all', async () => {
    const broker = await startBroker();
    const base = await start(broker, { heartbeatMs: 20 });
    await until(
      () => topics(broker).filter((topic) => topic.endsWith('/heart')).length,
      (count) => count > 2,
    );
    base.faults.freezeHeartbeats();
    await broker.send('koupleless_dev/b1/health', {});
    await until(
      () => topics(broker).at(-1),
      (topic) => topic?.endsWith('/base/health') === true,
    );
    const before = broker.published.length;
    base.faults.mute();
    await broker.send('koupleless_dev/b1/installBiz', biz1);
    await until(
      () => base.installedKeys(),
      (keys) => keys.length === 1,
    );
    expect(broker.published).toHaveLength(before);
    base.faults.mute(false);
    base.faults.freezeHeartbeats(false);
    await until(
      () => broker.published.length,
      (count) => count > before,
    );
  });

  it('[SPEC S20] hanging downloads are let go, and operations can be slowed', async () => {
    const broker = await startBroker();
    const base = await start(broker);
    await broker.send('koupleless_dev/b1/installBiz', { ...biz1, bizUrl: `${biz1.bizUrl}?kouplet-hang=1` });
    await until(
      () => base.log.length,
      (count) => count === 1,
    );
    base.faults.releaseHung();
    await until(
      () => answers(broker),
      (told) => told.length === 1,
    );
    expect(answers(broker)).toEqual(['FAILED']);
    base.faults.delay(3_600_000);
    await broker.send('koupleless_dev/b1/installBiz', biz1);
    await broker.send('koupleless_dev/b1/installBiz', biz1);
    await until(
      () => answers(broker),
      (told) => told.length === 2,
    );
    expect(base.installedKeys()).toEqual([]);
  });
});

describe('a fleet', () => {
  it('[SPEC S23] many bases in one process, each with its own name and address; stopped together', async () => {
    const broker = await startBroker();
    const fleet = await startFleet({ broker: broker.url, count: 300, heartbeatMs: 60_000 });
    disposals.push(() => fleet.kill());
    expect(fleet.bases.map((base) => base.identity).slice(0, 3)).toEqual(['base-1', 'base-2', 'base-3']);
    expect(new Set(fleet.bases.map((base) => base.facts.ip)).size).toBe(300);
    expect(fleet.bases.every((base) => base.isConnected)).toBe(true);
    expect(fleet.get('base-300')).toBe(fleet.bases[299]);
    await broker.send('koupleless_dev/base-7/installBiz', biz1);
    await until(
      () => fleet.get('base-7')?.installedKeys().length,
      (count) => count === 1,
    );
    await fleet.stop();
    await until(
      () => broker.aedes.connectedClients,
      (count) => count === 0,
    );
  });
});
