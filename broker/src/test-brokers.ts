/** Brokers and links that tests can break: a relay in front of any broker, and a real mosquitto where one is installed. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A TCP relay: what passes through it can be cut, or held as by a broker that stands still. */
export class Relay {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #isFrozen = false;
  #isShut = false;
  port = 0;
  accepted = 0;

  constructor(targetPort: () => number) {
    this.#server = createServer((near) => {
      this.accepted += 1;
      near.on('error', () => {});
      if (this.#isShut) {
        near.destroy();
        return;
      }
      const far = connect({ port: targetPort(), host: '127.0.0.1' });
      far.on('error', () => {});
      const pair = [near, far] as const;
      this.#pairs.add(pair);
      near.once('close', () => {
        this.#pairs.delete(pair);
        far.destroy();
      });
      far.once('close', () => near.destroy());
      near.on('data', (chunk) => far.write(chunk));
      far.on('data', (chunk) => near.write(chunk));
      if (this.#isFrozen) for (const socket of pair) socket.pause();
    });
  }

  async listen(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (typeof address === 'object' && address !== null) this.port = address.port;
    return this;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  /** Nothing passes, and nobody is told. */
  freeze(): void {
    this.#isFrozen = true;
    for (const pair of this.#pairs) for (const socket of pair) socket.pause();
  }

  thaw(): void {
    this.#isFrozen = false;
    for (const pair of this.#pairs) for (const socket of pair) socket.resume();
  }

  /** Every connection breaks, and no new one is let through until `open`. */
  shut(): void {
    this.#isShut = true;
    for (const [near] of this.#pairs) near.destroy();
  }

  open(): void {
    this.#isShut = false;
  }

  async close(): Promise<void> {
    for (const [near] of this.#pairs) near.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Whether there is a mosquitto to test against. */
export function hasMosquitto(): boolean {
  return spawnSync('mosquitto', ['-h']).error === undefined;
}

/** A mosquitto of its own on a free loopback port, open to everyone, or with TLS to who has a certificate of that authority. */
export class Mosquitto {
  readonly port: number;
  readonly #process: ChildProcess;
  readonly #directory: string;

  private constructor(port: number, process: ChildProcess, directory: string) {
    this.port = port;
    this.#process = process;
    this.#directory = directory;
  }

  static async start(tls?: {
    readonly cert: string;
    readonly key: string;
    readonly clientCa: string;
  }): Promise<Mosquitto> {
    const port = await freePort();
    const directory = await mkdtemp(join(tmpdir(), 'kouplet-mosquitto-'));
    const config = join(directory, 'mosquitto.conf');
    const lines = [`listener ${port} 127.0.0.1`, 'allow_anonymous true', 'persistence false', 'log_type none'];
    if (tls !== undefined) {
      for (const [name, pem] of [
        ['certfile', tls.cert],
        ['keyfile', tls.key],
        ['cafile', tls.clientCa],
      ] as const) {
        const path = join(directory, name);
        // read by the user that mosquitto becomes
        await writeFile(path, pem, { mode: 0o644 });
        lines.push(`${name} ${path}`);
      }
      lines.push('require_certificate true');
      await chmod(directory, 0o755);
    }
    await writeFile(config, `${lines.join('\n')}\n`);
    const process = spawn('mosquitto', ['-c', config], { stdio: 'ignore' });
    const mosquitto = new Mosquitto(port, process, directory);
    const deadline = Date.now() + 5_000;
    while (!(await isListening(port))) {
      if (Date.now() > deadline) throw new Error('mosquitto did not listen within 5 s');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return mosquitto;
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode === null) {
      this.#process.kill('SIGKILL');
      await once(this.#process, 'exit');
    }
    await rm(this.#directory, { recursive: true, force: true });
  }
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' });
  return new Promise((resolve) => {
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
