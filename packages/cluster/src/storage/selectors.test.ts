import { describe, expect, test } from 'vitest';
import { kinds } from '../kinds/index.ts';
import type { Kind, KubeObject } from '../kinds/kind.ts';
import { parseFieldSelector, parseLabelSelector } from './selectors.ts';

const metadata = { name: 'p', namespace: 'ns', uid: '', resourceVersion: '', creationTimestamp: '' };
const labelled = (labels: Record<string, string>): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { ...metadata, labels },
});
function kindOf(name: string): Kind {
  const kind = kinds.find((one) => one.kind === name && one.storedAs === undefined);
  if (kind === undefined) throw new Error(`no kind ${name}`);
  return kind;
}

describe('[SPEC C18] label selectors', () => {
  test.each([
    ['', true],
    ['a=b', true],
    ['a==b', true],
    ['a = b , n', true],
    ['a=c', false],
    ['a!=c', true],
    ['a!=b', false],
    ['x!=b', true],
    ['a in (b,c)', true],
    ['a in (c)', false],
    ['x in (b)', false],
    ['a notin (c,d)', true],
    ['a notin (b)', false],
    ['x notin (b)', true],
    ['a', true],
    ['x', false],
    ['!x', true],
    ['!a', false],
    ['n>4', true],
    ['n<4', false],
    ['n > 5', false],
    ['a>1', false],
    ['e=', true],
    ['e', true],
    ['x=', false],
    ['k8s.io/role=y,a=b', true],
    ['k8s.io/role=y,a=c', false],
  ])('%s → %s', (text, expected) => {
    const matches = parseLabelSelector(text) ?? (() => true);
    expect(matches(labelled({ a: 'b', n: '5', e: '', 'k8s.io/role': 'y' }))).toBe(expected);
  });

  test.each([
    ['a===b', "unable to parse requirement: found '=', expected: identifier"],
    ['a in b', "unable to parse requirement: found 'b' expected: '('"],
    ['a in (b', "unable to parse requirement: found '', expected: ',' or ')'"],
    ['a=b,', "found '', expected: identifier after ','"],
    [',', "found ',', expected: !, identifier, or 'end of string'"],
    ['a=b=c', "found '=', expected: ',' or 'end of string'"],
    [
      'a>x',
      "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer",
    ],
    ['a/b/c', 'unable to parse requirement: <nil>: Invalid value: "a/b/c": a qualified name must consist of'],
    ['a b', "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
  ])('%s is refused', (text, message) => {
    expect(() => parseLabelSelector(text)).toThrow(message);
  });

  test('a key or a value that no label can have is refused', () => {
    expect(() => parseLabelSelector('-a=b')).toThrow(/name part must consist of alphanumeric/);
    expect(() => parseLabelSelector(`a=${'x'.repeat(64)}`)).toThrow(/a valid label must be an empty string/);
  });

  test('a label called like a member of every object is looked up as a label', () => {
    expect(parseLabelSelector('constructor')?.(labelled({}))).toBe(false);
  });
});

describe('[SPEC C19] field selectors', () => {
  const pod = { ...labelled({}), spec: { nodeName: 'n1' }, status: { phase: 'Running' } };

  test.each([
    ['metadata.name=p', true],
    ['metadata.name!=p', false],
    ['metadata.namespace==ns', true],
    ['spec.nodeName=n1,status.phase!=Failed,status.phase!=Succeeded', true],
    ['spec.nodeName=', false],
    ['status.phase=Pending', false],
  ])('%s → %s', (text, expected) => {
    expect(parseFieldSelector(text, kindOf('Pod'))?.(pod)).toBe(expected);
  });

  test('a field that the kind does not offer is refused', () => {
    expect(() => parseFieldSelector('spec.foo=x', kindOf('Pod'))).toThrow('field label not supported: spec.foo');
    expect(() => parseFieldSelector('spec.foo=x', kindOf('ConfigMap'))).toThrow(
      '"spec.foo" is not a known field selector: only "metadata.name", "metadata.namespace"',
    );
    expect(() => parseFieldSelector('nonsense', kindOf('Pod'))).toThrow(
      "invalid selector: 'nonsense'; can't understand 'nonsense'",
    );
  });

  test.each(['__proto__', 'constructor', 'toString'])('[SPEC C22] %s is no field of any kind', (field) => {
    expect(() => parseFieldSelector(`${field}=x`, kindOf('Pod'))).toThrow(`field label not supported: ${field}`);
    expect(() => parseFieldSelector(`${field}=x`, kindOf('ConfigMap'))).toThrow(/is not a known field selector/);
  });
});
