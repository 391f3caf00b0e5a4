/**
 * docker-compose.yml without Docker: each service's own command as a process on loopback. Hosts and ports of services become free
 * ports of this machine, mounted folders the folders themselves (`.kouplet` a temporary one); nothing else of a command is changed.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import type { Json } from './api.ts';
import { freePort, type Running, startKouplet } from './processes.ts';
import { waitFor } from './wait.ts';

const run = promisify(execFile);

export const compose: Json = parse(readFileSync('docker-compose.yml', 'utf8'), { merge: true });

/** Services of a profile, or those without one; what a service depends on comes before it. */
export function servicesOf(profile?: string): string[] {
  const ordered: string[] = [];
  const add = (name: string): void => {
    for (const needed of Object.keys(compose.services[name].depends_on ?? {})) add(needed);
    if (!ordered.includes(name)) ordered.push(name);
  };
  for (const [name, service] of Object.entries<Json>(compose.services)) {
    if (profile === undefined ? service.profiles === undefined : service.profiles?.includes(profile)) add(name);
  }
  return ordered;
}

export interface ComposeHost {
  /** What stands for `./.kouplet`. */
  readonly dir: string;
  /** A service's port on this machine. */
  portOf(service: string, port: number): number;
  /** A service's command, as it is run here. */
  commandOf(service: string): string[];
  /** Starts a service of our image and waits until its own health check says that it is well. */
  up(service: string): Promise<Running>;
}

export async function composeHost(dir: string): Promise<ComposeHost> {
  const ports = new Map<string, number>();
  for (const name of Object.keys(compose.services)) {
    for (const port of [6443, 1883, 8081]) ports.set(`${name}:${port}`, await freePort());
  }
  const portOf = (service: string, port: number): number => {
    const found = ports.get(`${service}:${port}`);
    if (found === undefined) throw new Error(`there is no port ${port} of ${service}`);
    return found;
  };
  const names = Object.keys(compose.services);
  const here = (service: string, text: string): string => {
    const mounts = (compose.services[service].volumes ?? []).map((one: string) => one.split(':'));
    let mapped = text
      .replace(/0\.0\.0\.0:(\d+)/g, (_all, port) => `127.0.0.1:${portOf(service, Number(port))}`)
      .replace(/127\.0\.0\.1:(8081|6443)\b/g, (_all, port) => `127.0.0.1:${portOf(service, Number(port))}`)
      .replace(/port: (\d+)/g, (_all, port) => `port: ${portOf(service, Number(port))}`);
    for (const name of names) {
      mapped = mapped
        .replace(new RegExp(`//${name}:(\\d+)`, 'g'), (_all, port) => `//127.0.0.1:${portOf(name, Number(port))}`)
        .replace(new RegExp(`^--advertise=${name}$`), '--advertise=127.0.0.1');
    }
    for (const [source, target] of mounts) {
      // the mounted file itself, or something below the mounted folder
      mapped = mapped.replaceAll(target, source === './.kouplet' ? dir : resolve(source));
    }
    return mapped;
  };
  const commandOf = (service: string): string[] =>
    compose.services[service].command.map((part: string) => here(service, part));
  return {
    dir,
    portOf,
    commandOf,
    up: async (service) => {
      const running = startKouplet(commandOf(service));
      const [, , ...script]: string[] = compose.services[service].healthcheck.test;
      await waitFor(
        `${service} is well`,
        async () => {
          if (running.child.exitCode !== null) throw new Error(`it ended: ${running.stdout()}${running.stderr()}`);
          // A base's own check reads its container's connections, which without one are all of this machine's: its word comes first.
          if (compose.services[service].command[0] === 'base' && !running.stdout().includes('ready')) return false;
          if (script.join().includes('/proc/') && process.platform !== 'linux') return true;
          await run(
            process.execPath,
            script.map((part) => here(service, part)),
          );
          return true;
        },
        60_000,
      );
      return running;
    },
  };
}
