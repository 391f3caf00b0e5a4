import { describe, expect, it } from 'vitest';
import { defaultPullPolicy } from './image-reference.ts';

describe('an image is pulled always if it says latest or nothing [SPEC C43]', () => {
  it.each([
    ['nginx', 'Always'],
    ['nginx:latest', 'Always'],
    ['nginx:1.27', 'IfNotPresent'],
    ['registry.example.com:5000/a/b', 'Always'],
    ['registry.example.com:5000/a/b:1', 'IfNotPresent'],
    [`nginx@sha256:${'a'.repeat(64)}`, 'IfNotPresent'],
    [`nginx:latest@sha256:${'a'.repeat(64)}`, 'Always'],
    ['https://example.com/biz1-0.0.1-ark-biz.jar', 'IfNotPresent'],
    ['file:///tmp/biz1.jar', 'IfNotPresent'],
    ['Nginx', 'IfNotPresent'],
    ['', 'IfNotPresent'],
    ['a'.repeat(64), 'IfNotPresent'],
    [`${'a-'.repeat(5000)}`, 'IfNotPresent'],
  ])('%s: %s', (image, policy) => {
    expect(defaultPullPolicy(image)).toBe(policy);
  });
});
