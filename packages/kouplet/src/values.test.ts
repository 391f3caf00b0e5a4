import { InvalidArgumentError } from 'commander';
import { describe, expect, test } from 'vitest';
import {
  brokerAddress,
  count,
  duration,
  envName,
  hostPort,
  identity,
  namespaceName,
  port,
  showHostPort,
} from './values.ts';

const refused = (parse: (value: string) => unknown, value: string): void =>
  expect(() => parse(value), value).toThrow(InvalidArgumentError);

describe('a value [SPEC O2]', () => {
  test('HOST:PORT', () => {
    expect(hostPort('127.0.0.1:1883')).toEqual({ host: '127.0.0.1', port: 1883 });
    expect(hostPort('[::1]:0')).toEqual({ host: '::1', port: 0 });
    expect(showHostPort(hostPort('[::1]:8883'))).toBe('[::1]:8883');
    for (const value of ['', '1883', ':1883', 'host', 'host:', 'host:99999', 'a:b:1', '::1:1883', 'ho st:1']) {
      refused(hostPort, value);
    }
  });

  test('a duration has a unit', () => {
    expect(['60s', '1m30s', '500ms', '2h', '0'].map(duration)).toEqual([60_000, 90_000, 500, 7_200_000, 0]);
    for (const value of ['', '60', '-1s', '1.5s', '1 s', 's', '1w', '9999999999d']) refused(duration, value);
  });

  test('an env is one DNS label, lower case as bases write it', () => {
    expect(envName('Dev')).toBe('dev');
    for (const value of ['', 'a.b', '-a', 'a_b', 'x'.repeat(64)]) refused(envName, value);
    expect(() => envName('a.b')).toThrow(/dot/);
  });

  test('a broker is mqtt(s)://HOST:PORT and shows no password', () => {
    expect(brokerAddress('mqtt://broker')).toEqual({ url: 'mqtt://broker:1883', isTls: false });
    expect(brokerAddress('mqtts://[::1]')).toEqual({ url: 'mqtts://[::1]:8883', isTls: true });
    expect(brokerAddress('mqtt://h:9/')).toEqual({ url: 'mqtt://h:9', isTls: false });
    for (const value of ['', 'broker:1883', 'http://h:1', 'mqtt://', 'mqtt://h:1/x', 'mqtt://h:1?x']) {
      refused(brokerAddress, value);
    }
    expect(() => brokerAddress('mqtt://me:geheim@h:1')).toThrow(/^(?!.*geheim)/);
    expect(() => brokerAddress('mqtx://me:geheim@h:1')).toThrow(/^(?!.*geheim)/);
  });

  test('counts, ports, namespaces, identities', () => {
    expect(count(0, 10)('3')).toBe(3);
    for (const value of ['', '-1', '11', '1.5', 'x', '1e3']) refused(count(0, 10), value);
    expect(port('0')).toBe(0);
    for (const value of ['65536', '-1', '']) refused(port, value);
    expect(namespaceName('kube-system')).toBe('kube-system');
    for (const value of ['A', 'a.b', '', 'x'.repeat(64)]) refused(namespaceName, value);
    expect(identity('10.0.0.1')).toBe('10.0.0.1');
    for (const value of ['', 'a/b', 'a+', '#', 'x'.repeat(300)]) refused(identity, value);
  });
});
