/** What an engine is given for the image, and how Dockerfile and .dockerignore are read here. tests/long/image.test.ts builds it. */
import { expect, test } from 'vitest';
import { contextOf, leftOutBy, stagesOf } from '../support/image.ts';

test('an engine is given sources and nothing that is installed, built, recorded or secret', () => {
  const context = contextOf();
  expect(context).toEqual(
    expect.arrayContaining(['package-lock.json', 'scripts/build.ts', 'packages/kouplet/src/main.ts']),
  );
  expect(
    context.filter((file) =>
      /(^|\/)(node_modules|dist|\.git|\.kouplet|coverage)\/|\.(log|tgz|tsbuildinfo)$/.test(file),
    ),
  ).toEqual([]);
});

test.each([
  ['build', 'build/a.tgz', true],
  ['build', 'scripts/build.ts', false],
  ['build', 'packages/build/a.ts', false],
  ['/build/', 'build/a.tgz', true],
  ['**/dist', 'dist/a.js', true],
  ['**/dist', 'packages/core/dist/a/b.js', true],
  ['**/dist', 'packages/core/distance.ts', false],
  ['**/*.log', 'packages/a.b.log', true],
  ['*.log', 'packages/a.log', false],
  ['a.b', 'acb', false],
  ['docs/**', 'docs/a/b.md', true],
  ['docs/?.md', 'docs/a.md', true],
  ['docs/[ab].md', 'docs/c.md', false],
  ['# docs', 'docs/a.md', false],
  ['docs\n!docs/a.md', 'docs/a.md', false],
  ['docs\n!docs/a.md', 'docs/b.md', true],
  ['!docs/a.md\ndocs', 'docs/a.md', true],
])('.dockerignore %j on %s: left out is %s', (dockerignore, path, isLeftOut) => {
  expect(leftOutBy(dockerignore)(path)).toBe(isLeftOut);
});

test('a Dockerfile is read stage by stage, without comments, lines that go on as one', () => {
  const text = '# for\nFROM a AS build\nRUN one && \\\n  # why\n  two\n\nFROM b\nCOPY --from=build /x /y\n';
  expect([...stagesOf(text)]).toEqual([
    ['build', [{ word: 'RUN', text: 'one &&    two' }]],
    ['1', [{ word: 'COPY', text: '--from=build /x /y' }]],
  ]);
});
