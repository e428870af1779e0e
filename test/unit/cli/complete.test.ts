import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { completeWords } from '../../../src/cli/complete.ts';
import { lastWordOf, wordsOf } from '../../../src/cli/shell-words.ts';

let root = '';
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'dstore-complete-'));
  for (const folder of ['.git', 'sub-01/anat', 'sub-02', 'my folder', '.datalad']) mkdirSync(join(root, folder), { recursive: true });
  for (const name of ['sub-01/a.nii', 'sub-01/b.nii', 'README.md', '-odd', 'tab\tbed', 'Ünïcode']) writeFileSync(join(root, name), '');
  // The content of an annexed file may be elsewhere: a link that leads nowhere.
  symlinkSync('.git/annex/objects/none', join(root, 'sub.dat'));
  writeFileSync(join(root, '.gitconfig'), '[dstore "store.lab"]\n\turl = ria+file:///lab\n');
  writeFileSync(join(root, '.git/config'), '[core]\n\tbare = false\n[remote "origin"]\n\turl = /x\n[remote "odd \\"name\\""]\n\turl = /y\n');
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

function values(...words: string[]): string[] {
  return completeWords(['--', ...words], root, { HOME: root }).split('\n').slice(0, -1).map((line) => line.split('\t')[0] ?? '');
}

describe('what could come next', () => {
  it('is a command', () => {
    expect(values('')).toEqual(expect.arrayContaining(['create', 'get', 'store', 'remote', 'help', 'completion']));
    expect(values('st')).toEqual(['status', 'store']);
    expect(values('store', '')).toEqual(['init', 'list', 'info', 'add-dataset']);
    expect(values('-q', 'remote', '')).toEqual(['list']);
    expect(values('help', 'unl')).toEqual(['unlock']);
    expect(values('completion', '')).toEqual(['bash', 'zsh', 'fish']);
  });

  it('is an option of the command', () => {
    expect(values('get', '--no')).toEqual(['--not-in', '--no-content', '--no-progress']);
    expect(values('find', '--nu')).toEqual(['--null']);
    expect(values('get', '-')).toEqual(expect.arrayContaining(['-n', '--dry-run', '-C', '--json']));
    expect(values('create', '--shared', '')).toEqual(['group', 'all', 'umask']);
    expect(values('create', '--shared=g')).toEqual(['--shared=group']);
  });

  it('is a path of the dataset, whether its content is here or not', () => {
    expect(values('get', 'sub')).toEqual(['sub-01/', 'sub-02/', 'sub.dat']);
    expect(values('get', 'sub-01/')).toEqual(['sub-01/a.nii', 'sub-01/anat/', 'sub-01/b.nii']);
    expect(values('get', 'README.md', 'm')).toEqual(['my folder/']);
    expect(values('get', '-C', 'sub-01', '')).toEqual(['a.nii', 'anat/', 'b.nii']);
    expect(values('get', '~/R')).toEqual(['~/README.md']);
    expect(values('get', 'nowhere/')).toEqual([]);
    expect(values('get', 'Ü')).toEqual(['Ünïcode']);
  });

  it('leaves out hidden names unless asked, and git\'s own always', () => {
    expect(values('get', '')).not.toContain('.datalad/');
    expect(values('get', '.')).toEqual(['.datalad/', '.gitconfig']);
  });

  it('writes a name that begins with a dash so that it is no option', () => {
    expect(values('get', '')).toContain('./-odd');
    expect(values('get', '--', '-')).toEqual(['-odd']);
  });

  it('is a remote or a place where one is asked for', () => {
    expect(values('get', '--from', '')).toEqual(['odd "name"', 'origin']);
    expect(values('find', '--in', 'h')).toEqual(['here']);
    expect(values('find', '--in=o')).toEqual(['--in=odd "name"', '--in=origin']);
    expect(values('push', '--to', 'sub')).toEqual(['sub-01/', 'sub-02/']);
    expect(values('push', '--to', 'l')).toEqual(['lab']);
  });

  it('is a folder where only folders make sense', () => {
    expect(values('-C', 's')).toEqual(['sub-01/', 'sub-02/']);
    expect(values('create', 'su')).toEqual(['sub-01/', 'sub-02/']);
  });

  it('is nothing where anything or nothing goes', () => {
    expect(values('save', '-m', '')).toEqual([]);
    expect(values('create', 'a', '')).toEqual([]);
    expect(values('nonsense', '')).toEqual([]);
  });

  it('comes whole, NUL-separated, for shells that can take it', () => {
    expect(completeWords(['-0', '--', 'get', 'ta'], root, {})).toBe('files\0tab\tbed\0');
    expect(values('get', 'ta')).toEqual([]);
    expect(completeWords(['-0', '--', 'get', '--in', 'he'], root, {})).toBe('words\0here\tthis clone\0');
  });
});

describe('a command line as typed in bash', () => {
  it('falls into words as in bash', () => {
    expect(wordsOf('dstore get a\\ b \'c d\' "e \\" f" g')).toEqual(['dstore', 'get', 'a b', 'c d', 'e " f', 'g']);
    expect(wordsOf('dstore get ')).toEqual(['dstore', 'get', '']);
    expect(wordsOf('dstore get "open qu')).toEqual(['dstore', 'get', 'open qu']);
    expect(wordsOf('dstore get "a\\b"')).toEqual(['dstore', 'get', 'a\\b']);
  });

  it('keeps what readline does not replace', () => {
    expect(lastWordOf('dstore find --in=he', '"=:').replacedFrom).toBe(5);
    expect(lastWordOf('dstore clone ria+file:///x', '"=:').replacedFrom).toBe(9);
    expect(lastWordOf('dstore get "a:b', '"=:').replacedFrom).toBe(0);
    expect(completeWords(['-0', '--line', 'dstore find --in=he', '--breaks', ' \t"\'=:'], root, {})).toBe('words\0here\tthis clone\0');
    expect(completeWords(['-0', '--line', 'dstore get my\\ f', '--breaks', ' \t"\'=:'], root, {})).toBe('files\0my folder/\0');
  });
});
