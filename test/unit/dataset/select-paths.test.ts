import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { selectPaths } from '../../../src/dataset/select-paths.ts';

const FILES = [
  'README.md', '.hidden', 'a[1].txt', 'a1.txt', 'file (1).txt', 'file 1.txt', 'sub-01/anat/t1.nii.gz', 'sub-01/anat/.t1.json', 'sub-01/func/bold.nii.gz',
  'sub-01/x.txt', 'sub-02/anat/t1.nii.gz', 'sub-02x', 'code/run.py', 'code/.git-keep', 'we[ir]d/a.txt', 'wei/a.txt', 'star*', 'é.txt',
];
const select = (args: readonly string[], prefix = ''): string[] => {
  const selection = selectPaths(args, prefix);
  return FILES.filter((path) => selection.matches(path));
};

describe('selectPaths', () => {
  it('takes everything below the folder the user stands in without arguments', () => {
    expect(select([])).toEqual(FILES);
    expect(select([], 'code')).toEqual(['code/run.py', 'code/.git-keep']);
    expect(selectPaths([], '').everything).toBe(true);
    expect(selectPaths(['.'], '').everything).toBe(true);
    expect(selectPaths(['..'], 'code').everything).toBe(true);
    expect(selectPaths([], 'code').everything).toBe(false);
  });

  it.each<[string[], string, string[]]>([
    [['README.md'], '', ['README.md']],
    [['code'], '', ['code/run.py', 'code/.git-keep']],
    [['code/'], '', ['code/run.py', 'code/.git-keep']],
    [['README.md/'], '', []],
    [['./code//run.py'], '', ['code/run.py']],
    [['../README.md'], 'code', ['README.md']],
    [[':/README.md'], 'code', ['README.md']],
    [['*'], 'code', ['code/run.py', 'code/.git-keep']],
    [['*.txt'], '', ['a[1].txt', 'a1.txt', 'file (1).txt', 'file 1.txt', 'é.txt']],
    [['**/*.txt'], '', ['a[1].txt', 'a1.txt', 'file (1).txt', 'file 1.txt', 'sub-01/x.txt', 'we[ir]d/a.txt', 'wei/a.txt', 'é.txt']],
    [['sub-*'], '', ['sub-01/anat/t1.nii.gz', 'sub-01/anat/.t1.json', 'sub-01/func/bold.nii.gz', 'sub-01/x.txt', 'sub-02/anat/t1.nii.gz', 'sub-02x']],
    [['sub-*/'], '', ['sub-01/anat/t1.nii.gz', 'sub-01/anat/.t1.json', 'sub-01/func/bold.nii.gz', 'sub-01/x.txt', 'sub-02/anat/t1.nii.gz']],
    [['sub-*/anat'], '', ['sub-01/anat/t1.nii.gz', 'sub-01/anat/.t1.json', 'sub-02/anat/t1.nii.gz']],
    [['sub-0[12]/**/*.nii.gz'], '', ['sub-01/anat/t1.nii.gz', 'sub-01/func/bold.nii.gz', 'sub-02/anat/t1.nii.gz']],
    [['sub-0[!2]/*/*.nii.gz'], '', ['sub-01/anat/t1.nii.gz', 'sub-01/func/bold.nii.gz']],
    [['{code,sub-01/anat}/*'], '', ['sub-01/anat/t1.nii.gz', 'sub-01/anat/.t1.json', 'code/run.py', 'code/.git-keep']],
    [['@(README|CHANGES).md'], '', ['README.md']],
    [['file (1).txt'], '', ['file (1).txt']],
    [['file (1)*'], '', ['file (1).txt']],
    [['?.txt'], '', ['é.txt']],
    [['star\\*'], '', ['star*']],
    [['*.txt'], 'we[ir]d', ['we[ir]d/a.txt']],
    [['code', '!**/.*'], '', ['code/run.py']],
    [['!sub-*', '!*.txt', '!w*'], '', ['README.md', '.hidden', 'code/run.py', 'code/.git-keep', 'star*']],
    [['!*.py'], 'code', ['code/.git-keep']],
  ])('%j in %j', (args, prefix, expected) => {
    expect(select(args, prefix)).toEqual(expected);
  });

  it('takes an existing name for that name and not for a glob', () => {
    const isLiteral = (path: string): boolean => FILES.includes(path);
    expect(FILES.filter(selectPaths(['a[1].txt'], '', { isLiteral }).matches)).toEqual(['a[1].txt']);
    expect(FILES.filter(selectPaths(['a[12].txt'], '', { isLiteral }).matches)).toEqual(['a1.txt']);
  });

  it.each([[['..'], ''], [['../../x'], 'a'], [['*/../../x'], ''], [[':/../x'], 'a']])('refuses %j in %j', (args, prefix) => {
    expect(() => selectPaths(args, prefix)).toThrowError(expect.objectContaining({ code: 'PATH_OUTSIDE' }) as Error);
  });

  it('says which arguments matched nothing, as typed', () => {
    const selection = selectPaths(['./code', 'code/run.py', '*.md', 'gone', '*.gone', '!*.tmp'], '');
    expect(selection.unmatched()).toEqual(['./code', 'code/run.py', '*.md', 'gone', '*.gone']);
    for (const path of FILES) selection.matches(path);
    expect(selection.unmatched()).toEqual(['gone', '*.gone']);
  });

  it('prunes directories that cannot contribute', () => {
    const selection = selectPaths(['sub-*/anat', 'code/run.py'], '');
    const walked = ['sub-01', 'sub-01/anat', 'sub-01/anat/deeper', 'sub-01/func', 'code', 'code/other', 'other'].filter((path) => selection.mayContain(path));
    expect(walked).toEqual(['sub-01', 'sub-01/anat', 'sub-01/anat/deeper', 'code']);
    expect(selectPaths(['.', '!big'], '').mayContain('big')).toBe(false);
  });

  it('never prunes the way to a match', () => {
    const name = fc.constantFrom('a', 'b', 'ab', '.c');
    const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join('/'));
    const component = fc.constantFrom('a', 'b', '*', '**', '?', '[ab]', '{a,b}', '.*', 'a*', '{a,b/a}', '@(a|ab)');
    const argument = fc.array(component, { minLength: 1, maxLength: 4 }).map((components) => components.join('/'));
    fc.assert(fc.property(fc.array(argument, { minLength: 1, maxLength: 3 }), fc.array(path), (args, paths) => {
      const selection = selectPaths(args, '');
      for (const one of paths) {
        if (!selection.matches(one)) continue;
        for (let slash = one.indexOf('/'); slash !== -1; slash = one.indexOf('/', slash + 1)) {
          expect([args, one.slice(0, slash), selection.mayContain(one.slice(0, slash))]).toEqual([args, one.slice(0, slash), true]);
        }
      }
    }), { numRuns: 300 });
  });
});
