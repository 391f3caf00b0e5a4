import { expect, test } from 'vitest';
import { encode } from './encode.ts';
import type { ArkletCommand } from './messages.ts';

const target = { env: 'dev', baseId: 'b1', generation: 'current' } as const;
const said = (command: ArkletCommand): unknown => JSON.parse(new TextDecoder().decode(encode(command, target).payload));

test('an install hands over arguments and variables where it is told to, in the base’s own fields [SPEC P19]', () => {
  const install = { kind: 'installBiz', name: 'biz1', version: '1', url: 'https://repo/biz1.jar' } as const;
  const bare = { bizName: 'biz1', bizVersion: '1', bizUrl: 'https://repo/biz1.jar' };
  expect(said(install)).toEqual(bare);
  expect(said({ ...install, args: ['--a=ü'], envs: { A: '1' } })).toEqual({
    ...bare,
    args: ['--a=ü'],
    envs: { A: '1' },
  });
});
