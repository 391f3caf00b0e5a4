import { describe, expect, it } from 'vitest';
import { kinds } from './index.ts';
import { listOf } from './json.ts';
import type { KubeObject } from './kind.ts';
import { recorded } from './testing.ts';

/** An object of the recorded table. */
function asObject(fields: Record<string, unknown>): KubeObject {
  const { apiVersion, kind, metadata, ...rest } = fields;
  return { apiVersion: String(apiVersion), kind: String(kind), metadata: metadata as KubeObject['metadata'], ...rest };
}

describe('tables are those of a real 1.34, columns with their descriptions and cells [SPEC C48] [SPEC C51]', () => {
  const tables = recorded('tables');
  for (const kind of kinds) {
    const resource = kind.group === '' ? kind.plural : `${kind.plural}.${kind.group}`;
    it(resource, () => {
      const table = tables[resource];
      expect(kind.columns).toEqual(table?.columns);
      for (const { object, cells } of listOf(table?.rows)) {
        expect(kind.row(asObject(object), table?.now), object.metadata.name).toEqual(cells);
      }
    });
  }

  it('have rows in the recording for all but what was empty', () => {
    const empty = Object.entries(tables).flatMap(([resource, { rows }]) =>
      listOf(rows).length === 0 ? [resource] : [],
    );
    expect(empty).toEqual([]);
  });

  it('have a cell a column, whatever an object lacks', () => {
    for (const kind of kinds) {
      const bare = asObject({ apiVersion: 'v1', kind: kind.kind, metadata: { name: 'x' } });
      expect(kind.row(bare, 0)).toHaveLength(kind.columns.length);
    }
  });
});
