import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { compileAttributes } from '../../../src/core/attributes.ts';
import type { AttributeFile } from '../../../src/core/attributes.ts';
import { judgeRepository } from '../support/judges.ts';
import type { Judge } from '../support/judges.ts';

const top = (content: string): AttributeFile[] => [{ directory: '', content }];
const shown = (value: string | boolean | undefined): string =>
  value === undefined ? 'unspecified' : value === true ? 'set' : value === false ? 'unset' : value;

/** What `git check-attr` says about every path and attribute. */
function askGit(judge: Judge, files: readonly AttributeFile[], paths: readonly string[], attributes: readonly string[], override?: string): string[][] {
  judge.run('find', ['.', '-name', '.gitattributes', '-delete']);
  for (const { directory, content } of files) judge.write(`${directory === '' ? '' : `${directory}/`}.gitattributes`, content);
  judge.write('.git/info/attributes', override ?? '');
  const fields = judge.run('git', ['check-attr', '--stdin', '-z', ...attributes], `${paths.join('\0')}\0`).stdout.split('\0');
  const answers: string[][] = [];
  for (let i = 0; i + 2 < fields.length; i += 3) answers.push(fields.slice(i, i + 3));
  return answers;
}

describe('compileAttributes', () => {
  it('reads the attributes of DataLad datasets', () => {
    const look = compileAttributes([
      { directory: '', content: '* annex.backend=MD5E\n**/.git* annex.largefiles=nothing\n* annex.largefiles=((mimeencoding=binary)and(largerthan=0))\nCHANGELOG.md annex.largefiles=nothing\n' },
      { directory: '.datalad', content: 'config annex.largefiles=nothing\n' },
    ]);
    expect(look('sub-01/a.nii.gz', 'annex.backend')).toBe('MD5E');
    expect(look('sub-01/a.nii.gz', 'annex.largefiles')).toBe('((mimeencoding=binary)and(largerthan=0))');
    expect(look('.datalad/config', 'annex.largefiles')).toBe('nothing');
    expect(look('sub/CHANGELOG.md', 'annex.largefiles')).toBe('nothing');
    expect(look('a', 'annex.numcopies')).toBeUndefined();
  });

  it('lets the override win over the tree and the tree over the base', () => {
    const look = compileAttributes([{ directory: '', content: '*.a x=top' }, { directory: 'd', content: '*.a x=deep' }],
      { base: '* x=base', override: 'o.a x=override' });
    expect([look('1.b', 'x'), look('1.a', 'x'), look('d/1.a', 'x'), look('d/o.a', 'x'), look('e/d/1.a', 'x')])
      .toEqual(['base', 'top', 'deep', 'override', 'top']);
  });

  describe('judged by git check-attr', () => {
    let judge: Judge;
    beforeAll(() => { judge = judgeRepository(); });
    afterAll(() => judge.remove());

    const compare = (files: readonly AttributeFile[], paths: readonly string[], attributes: readonly string[], override?: string): void => {
      const look = compileAttributes(files, override === undefined ? {} : { override });
      const answers = askGit(judge, files, paths, attributes, override);
      expect(answers).toHaveLength(paths.length * attributes.length);
      for (const [path = '', attribute = '', value] of answers) expect([path, attribute, shown(look(path, attribute))]).toEqual([path, attribute, value]);
    };

    it('patterns', () => {
      const content = [
        'name a=1', '/anchored a=2', 'dir/file a=3', '*.ext a=4', 'q?x a=5', 'set[0-9] a=6', 'set[!0-9]x a=7', '**/deep a=8', 'all/** a=9', 'x/**/y a=10',
        'foo**/bar a=11', '\\#hash a=12', '"quoted name" a=13', '"tab\\there\\303\\251" a=14', 'directory/ a=15', '*lit*ral a=16', '[[:upper:]]up a=17', '[]]z a=18',
        'bad[ a=19', 'back\\\\slash a=20', '\u00e9? a=21', '!negative a=22', '  indented a=23', 'crlf a=24\r', '# comment a=25', 'trailing\\ a=26', '***/three a=27',
      ].join('\n');
      compare(top(content), [
        'name', 'd/name', 'anchored', 'd/anchored', 'dir/file', 'd/dir/file', 'x.ext', '.ext', 'd/.ext', 'qax', 'qéx', 'q/x', 'set1', 'seta', 'setax', 'set1x', 'deep', 'a/b/deep',
        'all', 'all/a', 'all/a/b', 'x/y', 'x/a/y', 'x/a/b/y', 'foobar', 'foo/bar', 'foox/bar', 'foo/x/bar', '#hash', 'quoted name', 'tab\thereé', 'directory', 'directory/a',
        'directory/', 'literal', 'xlitxral', 'Aup', 'aup', ']z', 'bad[', 'back\\slash', 'éa', 'éé', 'negative', '!negative', 'indented', 'crlf', 'comment', '#', 'trailing', 'a/three',
      ], ['a']);
    });

    it('values, macros and invalid lines', () => {
      compare([
        { directory: '', content: [
          '[attr]mine p=1 -q', '[attr]outer mine r', '*.m mine', '*.o outer', '*.om outer -mine', '*.mo -q mine', '*.b binary', '*.v p -q !r s=a=b t=', '*.i p -bad!name', '*.u p', '*.u !p',
          '*.two p=1 p=2', '*.lm -local', '*.binno -binary text', '*.sign -p=1 !q=2',
        ].join('\n') },
        { directory: 'd', content: '[attr]local p=9\n*.lm local\n*.m !p\n*.u p=3\n' },
      ], ['a.m', 'a.o', 'a.om', 'a.mo', 'a.b', 'a.v', 'a.i', 'a.u', 'a.two', 'a.lm', 'a.binno', 'a.sign', 'd/a.lm', 'd/a.m', 'd/a.u', 'd/e/a.m'],
      ['mine', 'outer', 'p', 'q', 'r', 's', 't', 'text', 'diff', 'binary', 'local'], 'd/a.u q=info\n');
    });

    it('arbitrary files', () => {
      const piece = fc.constantFrom('a', 'b', '*', '**', '?', '/', '/', '[ab]', '[!a]', '.x', 'é', '\\*', '[[:alpha:]]', '***', '\\', '[', '**/', '/**', '[]a]', '!');
      const pattern = fc.array(piece, { minLength: 1, maxLength: 5 }).map((pieces) => pieces.join(''));
      const state = fc.constantFrom('p', '-p', '!p', 'p=1', 'p=2 q', 'q', '-q', 'm', '-m', '!m', 'p q', 'm p=3', 'n', '-n');
      const line = fc.tuple(pattern, state).map((parts) => parts.join(' '));
      const macros = fc.constantFrom('', '[attr]m p=7\n', '[attr]m -p n\n[attr]n q=8 m\n');
      const content = fc.tuple(macros, fc.array(line, { maxLength: 4 })).map(([first, lines]) => first + lines.join('\n'));
      const path = fc.array(fc.constantFrom('a', 'b', 'ab', 'a.x', '.x', 'é', '*', 'aa'), { minLength: 1, maxLength: 4 }).map((names) => names.join('/'));
      fc.assert(fc.property(content, content, content, fc.uniqueArray(path, { minLength: 20, maxLength: 40 }), (first, second, third, paths) => {
        compare([{ directory: '', content: first }, { directory: 'a', content: second }, { directory: 'a/b', content: third }], paths, ['p', 'q', 'm', 'n']);
      }), { numRuns: 40 });
    });
  });
});
