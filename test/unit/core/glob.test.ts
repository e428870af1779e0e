import { describe, expect, it } from 'vitest';

import { annexGlob, annexGlobIgnoringCase } from '../../../src/core/glob.ts';
import { installed, judgeRepository } from '../support/judges.ts';

/** Glob, path, whether it matches. */
const GLOBS: readonly (readonly [string, string, boolean])[] = [
  ['*.txt', 'a/b.txt', true], ['*.txt', '.x.txt', true], ['*.TXT', 'a.txt', false], ['a/*', 'a/b/c', true], ['a?b', 'a/b', true],
  ['**/x', 'a/x', true], ['**/x', 'x', false], ['./a', 'a', false], ['/a', 'a', false], ['a', 'a/b', false], ['b', 'a/b', false],
  ['[ab].txt', 'a.txt', true], ['[!ab].txt', 'a.txt', false], ['[!ab].txt', 'c.txt', true], ['[^ab].txt', 'a.txt', false],
  ['[a-c]x', 'bx', true], ['[a-]', '-', true], ['[--0]', '.', true], ['[/]', '/', true], ['[*]', 'x', false], ['[[:digit:]]x', '1x', true],
  ['[]a]', ']', true], ['[]a]', 'a]', false], ['[!]]', 'a', true], ['[a\\]]', 'a]', true], ['[\\]', '\\', true], ['a]', 'a]', true],
  ['{a,b}', 'a', false], ['{a,b}', '{a,b}', true], ['a.b', 'axb', false], ['a+b', 'a+b', true], ['sub-01', 'sub-01', true], ['a|b', 'a', false],
  ['\\*', '\\x', true], ['\\*', '*', false], ['?', 'é', true], ['?', '😀', true], ['[à-é]', 'é', true], ['$^~', '$^~', true],
  ['it\'s', 'it\'s', false], ['it\'', 'it', true], ['a>*', 'a b', true], ['a>*', 'ab', false],
  ['a', 'b\na', true], ['?', '\n', false], ['*', 'a\nb', true], ['[!a]', '\n', false],
];
const MALFORMED = ['[a', 'x[', '[]', '[!]', '[z-a]', '[[:alpha:]', '[a--]'];

describe('annexGlob', () => {
  it.each(GLOBS)('%j on %j: %s', (pattern, path, matches) => {
    expect(annexGlob(pattern)(path)).toBe(matches);
  });

  it.each(MALFORMED)('refuses %j', (pattern) => {
    expect(() => annexGlob(pattern)).toThrowError(expect.objectContaining({ code: 'EXPRESSION_INVALID' }) as Error);
  });

  it('ignores case on request', () => {
    expect(annexGlobIgnoringCase('foo*')('FooBar')).toBe(true);
    expect(annexGlob('foo*')('FooBar')).toBe(false);
  });

  it.skipIf(!installed('git-annex', 'version'))('agrees with git-annex', () => {
    const judge = judgeRepository({ annex: true });
    const ask = (pattern: string, path: string): { status: number | null; stderr: string } =>
      judge.run('git', ['annex', 'matchexpression', '--largefiles', '--size=1', `--file=${path}`, `include=${pattern}`]);
    try {
      for (const [pattern, path, matches] of GLOBS) expect([pattern, path, ask(pattern, path).status === 0]).toEqual([pattern, path, matches]);
      for (const pattern of MALFORMED) expect(ask(pattern, 'a').stderr).toContain('failed to compile');
    } finally {
      judge.remove();
    }
  });
});
