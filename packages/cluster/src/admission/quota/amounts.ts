/** Lists of resources as quotas count them: a name and an exact amount. */
import { type Fields, fieldsOf, sortedEntries } from '../../kinds/json.ts';
import { addQuantities, compareQuantities, formatQuantity, type Quantity, quantityOf } from '../../kinds/quantity.ts';

/** By name: `pods`, `requests.cpu`, `count/deployments.apps`. */
export type Amounts = ReadonlyMap<string, Quantity>;

export function amountsOf(list: unknown): Amounts {
  return new Map(sortedEntries(list).map(([name, value]) => [name, quantityOf(value)]));
}

/** As JSON, each in its canonical form. */
export function listOfAmounts(amounts: Amounts): Record<string, string> {
  return Object.fromEntries([...amounts].map(([name, amount]) => [name, formatQuantity(amount)]).sort());
}

export function add(a: Amounts, b: Amounts): Amounts {
  const sum = new Map(a);
  for (const [name, amount] of b) {
    const known = sum.get(name);
    sum.set(name, known === undefined ? amount : addQuantities(known, amount));
  }
  return sum;
}

/** What `a` has more than `b`, never less than nothing. */
export function surplus(a: Amounts, b: Amounts): Amounts {
  const more = new Map<string, Quantity>();
  for (const [name, amount] of a) {
    const nanos = amount.nanos - (b.get(name)?.nanos ?? 0n);
    if (nanos > 0n) more.set(name, { ...amount, nanos });
  }
  return more;
}

export function only(amounts: Amounts, isWanted: (name: string, amount: Quantity) => boolean): Amounts {
  return new Map([...amounts].filter(([name, amount]) => isWanted(name, amount)));
}

export const isZero = ({ nanos }: Quantity): boolean => nanos === 0n;

export const isMore = (a: Quantity, b: Quantity): boolean => compareQuantities(a, b) > 0;

/** `cpu=1,pods=2`, sorted by name. */
export function printed(amounts: Amounts): string {
  return [...amounts]
    .map(([name, amount]): [string, string] => [name, formatQuantity(amount)])
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, amount]) => `${name}=${amount}`)
    .join(',');
}

function addTo(to: Map<string, Quantity>, list: unknown): void {
  for (const [name, value] of sortedEntries(list)) {
    const before = to.get(name);
    to.set(name, before === undefined ? quantityOf(value) : addQuantities(before, quantityOf(value)));
  }
}

/**
 * What a whole pod asks for: its containers and sidecars together, or its hungriest init container beside the sidecars
 * before it if that is more (component-helpers, resource.PodRequests and PodLimits without overhead).
 */
export function podTotal(spec: Fields, field: 'requests' | 'limits'): Map<string, Quantity> {
  const total = new Map<string, Quantity>();
  const peak = new Map<string, Quantity>();
  const sidecars = new Map<string, Quantity>();
  const listed = (container: unknown): unknown => fieldsOf(fieldsOf(container).resources)[field];
  const containers = (list: unknown): Fields[] => (Array.isArray(list) ? list.map(fieldsOf) : []);
  for (const container of containers(spec.containers)) addTo(total, listed(container));
  for (const container of containers(spec.initContainers)) {
    if (container.restartPolicy === 'Always') {
      addTo(total, listed(container));
      addTo(sidecars, listed(container));
      raiseTo(peak, sidecars);
    } else {
      const here = new Map(sidecars);
      addTo(here, listed(container));
      raiseTo(peak, here);
    }
  }
  raiseTo(total, peak);
  return total;
}

function raiseTo(to: Map<string, Quantity>, least: Amounts): void {
  for (const [name, amount] of least) {
    const before = to.get(name);
    if (before === undefined || isMore(amount, before)) to.set(name, amount);
  }
}
