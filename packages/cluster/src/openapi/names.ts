/** What a type is called in OpenAPI: `V1Container` is `io.k8s.api.core.v1.Container`. */
import facts from './facts.json' with { type: 'json' };

const packages: Readonly<Record<string, readonly string[]>> = facts.packages;
let known: ReadonlyMap<string, string> | undefined;

/** @returns undefined for a type that the emulated version does not have */
export function definitionName(type: string): string | undefined {
  known ??= new Map(
    Object.entries(packages).flatMap(([place, types]) =>
      types.map((one): [string, string] => [one, `${place}.${one.replace(/^(?:[A-Z][a-z]+)?V\d+/, '')}`]),
    ),
  );
  return known.get(type);
}

/** The definition of a custom kind: its group turned round. */
export function customDefinitionName(group: string, version: string, kind: string): string {
  return `${group.split('.').reverse().join('.')}.${version}.${kind}`;
}

export const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';
export const reference = (name: string): { readonly $ref: string } => ({ $ref: `#/components/schemas/${name}` });
