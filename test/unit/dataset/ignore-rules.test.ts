import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createIgnoreRules } from '../../../src/dataset/ignore-rules.ts';
import { judgeRepository } from '../support/judges.ts';
import type { Judge } from '../support/judges.ts';

type Files = Readonly<Record<string, string>>;

describe('createIgnoreRules', () => {
  it('lets deeper files win, then exclude, then excludesFile', () => {
    const rules = createIgnoreRules({ exclude: '*.tmp\n!keep.log\n', excludesFile: '*.log\n*.tmp2\n' });
    rules.add('', '!top.tmp\n*.bak\n');
    rules.add('d', '!*.bak\n');
    expect(['a.tmp', 'top.tmp', 'a.log', 'keep.log', 'a.tmp2', 'a.bak', 'd/a.bak', 'd/e/a.bak'].filter((path) => rules.ignored(path, false)))
      .toEqual(['a.tmp', 'a.log', 'a.tmp2', 'a.bak']);
  });

  it('never re-includes below an excluded directory', () => {
    const rules = createIgnoreRules();
    rules.add('', 'out/\n!out/keep\n');
    rules.add('out', '!*\n');
    expect(rules.ignored('out', true)).toBe(true);
    expect(rules.ignored('out', false)).toBe(false);
    expect(rules.ignored('out/keep', false)).toBe(true);
    expect(rules.ignored('sub/out/a', false)).toBe(true);
  });

  it('replaces the rules of a directory that is added again', () => {
    const rules = createIgnoreRules();
    rules.add('', '*.a');
    expect(rules.ignored('x/1.a', false)).toBe(true);
    rules.add('', '*.b');
    expect(rules.ignored('x/1.a', false)).toBe(false);
    expect(rules.ignored('x/1.b', false)).toBe(true);
  });

  describe('judged by git check-ignore', () => {
    let judge: Judge;
    beforeAll(() => { judge = judgeRepository(); });
    afterAll(() => judge.remove());

    const compare = (files: Files, paths: readonly string[], exclude: string, directories: readonly string[] = []): void => {
      judge.run('find', ['.', '-mindepth', '1', '-maxdepth', '1', '-not', '-name', '.git', '-exec', 'rm', '-rf', '{}', '+']);
      for (const directory of directories) judge.write(`${directory}/.placeholder`, '');
      const rules = createIgnoreRules({ exclude });
      judge.write('.git/info/exclude', exclude);
      for (const [directory, content] of Object.entries(files)) {
        judge.write(`${directory === '' ? '' : `${directory}/`}.gitignore`, content);
        rules.add(directory, content);
      }
      const asked = [...paths, ...directories];
      const out = judge.run('git', ['check-ignore', '--no-index', '--stdin', '-z'], `${asked.join('\0')}\0`);
      expect(out.stderr).toBe('');
      const ignored = new Set(out.stdout.split('\0'));
      for (const path of asked) {
        expect([path, rules.ignored(path, directories.includes(path))]).toEqual([path, ignored.has(path)]);
      }
    };

    it('patterns, comments, blanks and line ends', () => {
      compare({
        '': '\ufeffbom\nname\n/anchored\ndir/file\n*.ext\n!keep.ext\nonlydir/\n# comment\n\\#hash\n\\!bang\ntrail   \nspace\\ \ncrlf\r\n**/deep\nall/**\na/**/z\n\nlast\r',
        sub: 'own\n/top\n!name\n',
      }, [
        'bom', 'name', 'x/name', 'anchored', 'x/anchored', 'dir/file', 'x/dir/file', 'a.ext', 'keep.ext', 'x/keep.ext', '#', '#hash', '!bang', 'trail', 'space ', 'space', 'crlf',
        'deep', 'x/y/deep', 'all/x/y', 'a/z', 'a/b/c/z', 'last', 'sub/own', 'own', 'sub/x/own', 'sub/top', 'sub/x/top', 'sub/name', 'onlydirfile',
      ], '*.swp\n', ['onlydir', 'x/onlydir', 'all', 'sub']);
    });

    it('arbitrary files', () => {
      const piece = fc.constantFrom('a', 'b', '*', '**', '?', '/', '/', '[ab]', '[!a]', '.x', 'é', '\\*', '***', '\\', '[', '**/', '/**', '!', '#');
      const line = fc.tuple(fc.constantFrom('', '', '!'), fc.array(piece, { minLength: 1, maxLength: 4 }), fc.constantFrom('', '', '/', ' ', '\\ ', '\r'))
        .map(([sign, pieces, end]) => sign + pieces.join('') + end);
      const content = fc.array(line, { maxLength: 4 }).map((lines) => lines.join('\n'));
      const path = fc.array(fc.constantFrom('a', 'b', 'ab', 'a.x', '.x', 'é', 'b b', 'aa'), { minLength: 1, maxLength: 4 }).map((names) => names.join('/'));
      fc.assert(fc.property(content, content, content, content, fc.uniqueArray(path, { minLength: 20, maxLength: 40 }), (first, second, third, exclude, paths) => {
        const directories = ['a', 'a/b', 'ab', 'b/a'];
        const files = paths.filter((one) => !directories.includes(one) && one !== 'b');
        compare({ '': first, a: second, 'a/b': third }, files, exclude, directories);
      }), { numRuns: 30 });
    });
  });
});
