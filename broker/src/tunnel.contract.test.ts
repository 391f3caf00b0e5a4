import { describe, it } from 'vitest';
import { AedesTunnel } from './aedes-tunnel.ts';
import { startBroker } from './broker.ts';
import { MqttTunnel } from './mqtt-tunnel.ts';
import { hasMosquitto, Mosquitto } from './test-brokers.ts';
import { keepsTheTunnelContract } from './tunnel.contract.ts';

keepsTheTunnelContract('embedded', async () => {
  const tunnel = new AedesTunnel({ env: 'dev', port: 0 });
  return { tunnel, basesUrl: () => tunnel.broker?.url ?? '' };
});

keepsTheTunnelContract('from outside, to a broker of ours', async (opened) => {
  const broker = opened.add(await startBroker({ port: 0, openController: true }), (it) => it.close());
  return { tunnel: new MqttTunnel({ url: broker.url, env: 'dev' }), basesUrl: () => broker.url };
});

if (hasMosquitto()) {
  keepsTheTunnelContract('from outside, to mosquitto', async (opened) => {
    const mosquitto = opened.add(await Mosquitto.start(), (it) => it.stop());
    const url = `mqtt://127.0.0.1:${mosquitto.port}`;
    return { tunnel: new MqttTunnel({ url, env: 'dev' }), basesUrl: () => url };
  });
} else {
  describe('a tunnel: from outside, to mosquitto', () => {
    it.skip('keeps the contract (skipped: no mosquitto on this machine)', () => {});
  });
}
