import { readFileSync, symlinkSync, writeFileSync, lstatSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editConfig, loadConfig, parseConfigText } from '../../../src/git/config.ts';
import { git, isolate, write } from './support.ts';

const place = isolate();

function gitList(directory: string, ...options: string[]): [string, string][] {
  return git(directory, 'config', '--list', '-z', ...options).split('\0').filter((item) => item !== '').map((item) => {
    const line = item.indexOf('\n');
    return line < 0 ? [item, 'true'] : [item.slice(0, line), item.slice(line + 1)];
  });
}

const TRICKY = `\ufeff# comment
[core] bare = false ; trailing
[Remote "Ori\\"gin.x"]
\turl = "https://example.org/a b" # comment
\tfetch = +refs/heads/*:refs/remotes/origin/*
fetch=second
[a.B] old = form
[flag]
  yes
  continued = one \\
 two
  quoted = "  keep ; # this  "
  mixed = a" b "c
  escapes = "tab\\t nl\\n quote\\" back\\\\"
  empty =
  unicode = äöü
`;

describe('configuration text', () => {
  it('is read as git reads it', () => {
    const file = write(place.directory, 'config', TRICKY);
    expect(parseConfigText(TRICKY)).toEqual(gitList(place.directory, '--file', file));
  });

  it('refuses what git refuses', () => {
    for (const text of ['[core\n', 'a = b\n', '[s]\nx = "open\n', '[s]\nx = \\q\n', '[s]\n1a = b\n']) {
      expect(() => parseConfigText(text), text).toThrowError(/bad config line/);
    }
  });

  it('keeps every value through edit, git and back', () => {
    const file = join(place.directory, 'config');
    fc.assert(fc.property(fc.array(fc.string({ unit: fc.constantFrom('a', ' ', '"', '\\', '#', ';', '\t', '\n', 'ö', '=', '[') }), { minLength: 1, maxLength: 4 }), (values) => {
      writeFileSync(file, TRICKY);
      editConfig(file, values.map((value, index) => ({ name: `section.sub "${index}.key`, value })));
      values.forEach((value, index) => {
        expect(parseConfigText(readFileSync(file, 'utf8'))).toContainEqual([`section.sub "${index}.key`, value]);
      });
      expect(gitList(place.directory, '--file', file)).toEqual(parseConfigText(readFileSync(file, 'utf8')));
    }), { numRuns: 25 });
  });

  it('edits keep comments and layout, and do what git config does', () => {
    const file = write(place.directory, 'config', TRICKY);
    editConfig(file, [
      { name: 'core.bare', value: 'true' }, { name: 'remote.Ori"gin.x.fetch', value: 'third', add: true },
      { name: 'flag.yes', value: undefined }, { name: 'a.b.old', value: undefined }, { name: 'new.Section.Key', value: 'v' },
    ]);
    const text = readFileSync(file, 'utf8');
    expect(text).toContain('# comment\n');
    expect(text).not.toContain('[a.B]');
    expect(git(place.directory, 'config', '--file', file, '--get-all', 'remote.Ori"gin.x.fetch').split('\n')).toEqual(['+refs/heads/*:refs/remotes/origin/*', 'second', 'third']);
    expect(git(place.directory, 'config', '--file', file, 'core.bare')).toBe('true');
    expect(git(place.directory, 'config', '--file', file, 'new.Section.key')).toBe('v');
    expect(gitList(place.directory, '--file', file).map(([name]) => name)).not.toContain('flag.yes');
  });

  it('replaces all values by one', () => {
    const file = write(place.directory, 'config', '[x]\n\ty = 1\n\ty = 2\n[z]\n\ty = 3\n[x]\n\ty = 4\n');
    editConfig(file, [{ name: 'x.y', value: 'only' }]);
    expect(git(place.directory, 'config', '--file', file, '--get-all', 'x.y')).toBe('only');
  });

  it('follows a symbolic link and keeps it, and respects a held lock', () => {
    const file = write(place.directory, 'real', '[a]\n\tb = 1\n');
    symlinkSync('real', join(place.directory, 'link'));
    editConfig(join(place.directory, 'link'), [{ name: 'a.b', value: '2' }]);
    expect(lstatSync(join(place.directory, 'link')).isSymbolicLink()).toBe(true);
    expect(readFileSync(file, 'utf8')).toBe('[a]\n\tb = 2\n');
  });
});

describe('loaded configuration', () => {
  it('is the list that git gives: files, includes, conditions and environment', () => {
    const top = join(place.directory, 'work/repo');
    git(place.directory, 'init', '-q', top);
    write(place.directory, 'included', '[inc]\n\tfrom = relative\n');
    write(place.directory, 'never', '[never]\n\tseen = 1\n');
    writeFileSync(join(top, '.git/config'), `${readFileSync(join(top, '.git/config'), 'utf8')}[include]
\tpath = ../../../included
[includeIf "gitdir:${place.directory}/elsewhere/"]
\tpath = ../../../included
[includeIf "gitdir:**/repo/.git"]
\tpath = ../../../included
[includeIf "gitdir:/elsewhere/"]
\tpath = ../../../never
[includeIf "onbranch:ma*"]
\tpath = ../../../included
[includeIf "onbranch:other"]
\tpath = ../../../never
[multi]
\tv = 1
\tv = 2
`);
    git(top, 'config', 'extensions.worktreeConfig', 'true');
    git(top, 'config', '--worktree', 'per.tree', 'yes');
    process.env['GIT_CONFIG_COUNT'] = '1';
    process.env['GIT_CONFIG_KEY_0'] = 'Env.Key';
    process.env['GIT_CONFIG_VALUE_0'] = 'from env';
    process.env['GIT_CONFIG_PARAMETERS'] = `'par.one'='it'\\''s' 'par.two=old form'`;
    try {
      const config = loadConfig(join(top, '.git'), join(top, '.git'));
      expect(config.entries('')).toEqual(gitList(top));
      expect(config.getAll('multi.v')).toEqual(['1', '2']);
      expect(config.get('never.seen')).toBeUndefined();
      expect(config.get('par.one')).toBe("it's");
    } finally {
      for (const name of ['COUNT', 'KEY_0', 'VALUE_0', 'PARAMETERS']) delete process.env[`GIT_CONFIG_${name}`];
    }
  });

  it('reads booleans and numbers, and names what is neither', () => {
    git(place.directory, 'init', '-q');
    writeFileSync(join(place.directory, '.git/config'), '[b]\n\tbare\n\ton = On\n\tno = no\n\tempty =\n\tone = 1\n\tbad = maybe\n[n]\n\tk = 2k\n\tbad = x\n[remote "a.b"]\n\turl = u\n[remote "c"]\n\turl = u\n');
    const config = loadConfig(join(place.directory, '.git'), join(place.directory, '.git'));
    expect(['bare', 'on', 'no', 'empty', 'one', 'absent'].map((name) => config.getBoolean(`b.${name}`))).toEqual([true, true, false, false, true, undefined]);
    expect(() => config.getBoolean('b.bad')).toThrowError(/b\.bad/);
    expect(config.getNumber('n.k')).toBe(2048);
    expect(() => config.getNumber('n.bad')).toThrowError(/n\.bad/);
    expect(config.sections('remote')).toEqual(['a.b', 'c']);
  });
});
