/** Amounts of resources as plain numbers: cpu in thousandths, all else in whole units (bytes, pieces). */
import { parseQuantity } from '../../kinds/quantity.ts';
import type { Container, PodSpec } from '../machinery/shapes.ts';

/** By name: `cpu`, `memory`, `ephemeral-storage`, `pods`, extended resources. */
export type Amounts = Map<string, number>;

/** The same few texts come again and again; the memory is emptied when it has grown large. */
const parsed = new Map<string, number>();
const parsedLimit = 10_000;

/** Rounded up, as the scheduler does; what is no quantity counts as 0 (the API server refuses it anyway). */
export function amountOf(name: string, quantity: string | number): number {
  const key = `${name === 'cpu' ? 'm' : ''}${quantity}`;
  const known = parsed.get(key);
  if (known !== undefined) return known;
  const result = parseQuantity(String(quantity));
  const unit = name === 'cpu' ? 1_000_000n : 1_000_000_000n;
  const amount = 'error' in result ? 0 : Number((result.nanos + unit - 1n) / unit);
  if (parsed.size >= parsedLimit) parsed.clear();
  parsed.set(key, amount);
  return amount;
}

export function amountsOf(list: Record<string, string | number> | undefined): Amounts {
  const amounts: Amounts = new Map();
  for (const [name, quantity] of Object.entries(list ?? {})) amounts.set(name, amountOf(name, quantity));
  return amounts;
}

function addTo(total: Amounts, more: Amounts): void {
  for (const [name, amount] of more) total.set(name, (total.get(name) ?? 0) + amount);
}

function raiseTo(total: Amounts, least: Amounts): void {
  for (const [name, amount] of least) total.set(name, Math.max(total.get(name) ?? 0, amount));
}

/** What a container without requests counts as when nodes are compared (scheduler/util/pod_resources.go). */
const assumedCpu = 100;
const assumedMemory = 200 * 1024 * 1024;

function requestsOf(container: Container, assume: boolean): Amounts {
  const amounts = amountsOf(container.resources?.requests);
  if (!assume) return amounts;
  if (!amounts.has('cpu')) amounts.set('cpu', assumedCpu);
  if (!amounts.has('memory')) amounts.set('memory', assumedMemory);
  return amounts;
}

/**
 * What a pod asks for: the sum of its containers and sidecars, or the most that an init container needs beside the
 * sidecars before it, plus the overhead.
 *
 * @param assume  containers without requests count as 100m and 200Mi: for scores only
 */
export function podRequests(spec: PodSpec, assume: boolean): Amounts {
  const total: Amounts = new Map();
  for (const container of spec.containers) addTo(total, requestsOf(container, assume));
  const sidecars: Amounts = new Map();
  const peak: Amounts = new Map();
  for (const container of spec.initContainers ?? []) {
    const requests = requestsOf(container, assume);
    if (container.restartPolicy === 'Always') {
      addTo(total, requests);
      addTo(sidecars, requests);
      raiseTo(peak, sidecars);
    } else {
      const now = new Map(sidecars);
      addTo(now, requests);
      raiseTo(peak, now);
    }
  }
  raiseTo(total, peak);
  addTo(total, amountsOf(spec.overhead));
  return total;
}
