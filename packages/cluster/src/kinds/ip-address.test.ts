/** How addresses are read, held against what Node and URLs make of them. */
import { isIP } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseAddress, specialAddressMessages } from './ip-address.ts';

test('what Node takes is an address, and its canonical form is that of a URL [SPEC C174]', () => {
  const groups = fc.array(fc.constantFrom('0', '0', '1', 'ab', '0f00', 'FFFF'), { minLength: 0, maxLength: 9 });
  const text = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    groups.map((all) => all.join(':')),
    fc.tuple(groups, groups).map((halves) => halves.map((half) => half.join(':')).join('::')),
  );
  fc.assert(
    fc.property(text, (address) => {
      const parsed = parseAddress(address);
      expect(parsed !== undefined, address).toBe(isIP(address) !== 0);
      if (parsed === undefined || parsed.isIPv4) return;
      expect(`[${parsed.canonical}]`).toBe(new URL(`http://[${address}]/`).hostname);
    }),
  );
});

test('leading zeros are taken as they were, and a mapped address is one of IPv4 [SPEC C174]', () => {
  expect(parseAddress('010.0.0.01')).toMatchObject({ canonical: '10.0.0.1', isStrict: false, isIPv4: true });
  expect(parseAddress('::ffff:10.0.0.1')).toMatchObject({ canonical: '10.0.0.1', isMapped: true, isIPv4: true });
  expect(parseAddress('::10.0.0.1')).toMatchObject({ canonical: '::a00:1', isIPv4: false });
  expect(['fe80::1%eth0', '1.2.3', '1.2.3.256', '1:2', ':::', '::1::', '1.2.3.4::', ''].map(parseAddress)).toEqual(
    Array(8).fill(undefined),
  );
});

test('borders of the special ranges [SPEC C174]', () => {
  const isSpecial = (address: string): boolean => specialAddressMessages(address).length > 0;
  const special = ['127.255.255.255', '::ffff:127.0.0.1', '169.254.0.0', 'febf::1', '224.0.0.255', 'ff12::9'];
  const plain = ['128.0.0.0', '126.255.255.255', '169.255.0.0', 'fec0::1', '224.0.1.0', 'ff05::2', '0.0.0.1', '::2'];
  expect([special.map(isSpecial), plain.map(isSpecial)]).toEqual([Array(6).fill(true), Array(8).fill(false)]);
});
