// Kinds of repositories and states that git, git-annex and DataLad leave: each works, or is refused with the command that leaves it.
import { appendFileSync, existsSync, lstatSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { annexCopies, checkClean, dstoreCopies } from '../support/check-clean.ts';
import { bytes, HARDEST_FILES, readFiles, writeFiles, writeHardFiles } from '../support/fixtures.ts';
import { createSandbox } from '../support/sandbox.ts';
import { describeWith } from '../support/tools.ts';

const FILES = { 'a.dat': bytes('a'), 'folder/b.dat': bytes('b'), 'folder/c.dat': bytes('c') };

describeWith(['git-annex'], 'names that only git and git-annex take', () => {
  const sandbox = createSandbox();
  const noDataLad = { datalad: false } as const;

  it('saved by dstore, had by git-annex', async () => {
    const made = sandbox.path('made');
    await sandbox.dstoreOk(['create', made]);
    const files = writeHardFiles(made, HARDEST_FILES);
    await sandbox.dstoreOk(['save', '-m', 'hardest'], { cwd: made });
    await checkClean(sandbox, made, noDataLad);
    const clone = sandbox.path('clone');
    await sandbox.git(sandbox.root, 'clone', '-q', made, clone);
    await sandbox.annex(clone, 'get', '--quiet', '.');
    expect(readFiles(clone, Object.keys(files))).toEqual(files);
  });

  it('saved by git-annex, had and dropped by dstore', async () => {
    const made = sandbox.path('by-annex');
    await sandbox.git(sandbox.root, 'init', '-q', made);
    await sandbox.annex(made, 'init', '-q');
    const files = writeHardFiles(made, HARDEST_FILES);
    await sandbox.annex(made, 'add', '--quiet', '.');
    await sandbox.git(made, 'commit', '-qm', 'hardest');
    const clone = sandbox.path('by-annex-clone');
    await sandbox.dstoreOk(['clone', made, clone]);
    await sandbox.dstoreOk(['get', '.'], { cwd: clone });
    expect(readFiles(clone, Object.keys(files))).toEqual(files);
    await checkClean(sandbox, clone, noDataLad);
    await sandbox.dstoreOk(['drop', './new\nline.dat', './pair u\u0308.dat', './tab\there.dat'], { cwd: clone });
    expect(existsSync(join(clone, 'new\nline.dat'))).toBe(false);
    expect(existsSync(join(clone, 'pair u\u0308.dat'))).toBe(false);
    expect(readFileSync(join(clone, 'pair \u00fc.dat'), 'utf8')).toBe(files['pair \u00fc.dat']);
    await checkClean(sandbox, clone, noDataLad);
  });
});

describeWith(['git-annex'], 'repositories whose .git is not a folder', () => {
  const sandbox = createSandbox();
  const made = sandbox.path('made');

  beforeAll(async () => {
    await sandbox.dstoreOk(['create', made]);
    writeFiles(made, FILES);
    await sandbox.dstoreOk(['save', '-m', 'x'], { cwd: made });
    await sandbox.dstoreOk(['store', 'init', sandbox.path('store')]);
    await sandbox.dstoreOk(['push', '--to', sandbox.path('store'), '--alias', 'd'], { cwd: made });
  });

  it('a linked worktree', async () => {
    const clone = sandbox.path('clone');
    await sandbox.dstoreOk(['clone', `${sandbox.path('store')}#~d`, clone]);
    const linked = sandbox.path('linked');
    await sandbox.git(clone, 'worktree', 'add', '-q', '-b', 'side', linked);
    // git-annex turns the .git file of a linked worktree into a link, so that annexed links in it lead somewhere.
    await sandbox.annex(linked, 'info', '--fast');
    await sandbox.dstoreOk(['get', '.'], { cwd: linked });
    expect(readFiles(linked, Object.keys(FILES))).toEqual(FILES);
    writeFiles(linked, { 'new.dat': bytes('new') });
    await sandbox.dstoreOk(['save', '-m', 'in the linked worktree'], { cwd: linked });
    expect(await sandbox.git(linked, 'status', '--porcelain')).toBe('');
    expect(readFiles(linked, ['new.dat'])).toEqual({ 'new.dat': bytes('new') });
    await sandbox.annex(linked, 'fsck', '--quiet');
    await sandbox.dstoreOk(['drop', 'a.dat'], { cwd: linked });
    expect(existsSync(join(linked, 'a.dat'))).toBe(false);
    expect(await dstoreCopies(sandbox, linked)).toEqual(await annexCopies(sandbox, linked));
    expect((await sandbox.git(clone, 'rev-parse', 'main')).trim()).not.toBe((await sandbox.git(clone, 'rev-parse', 'side')).trim());
  });

  it('a submodule that git made', async () => {
    const parent = sandbox.path('parent');
    await sandbox.git(sandbox.root, 'init', '-q', parent);
    await sandbox.git(parent, 'submodule', '--quiet', 'add', made, 'part');
    await sandbox.git(parent, 'commit', '-qm', 'submodule');
    const part = join(parent, 'part');
    expect(lstatSync(join(part, '.git')).isFile()).toBe(true);
    await sandbox.annex(part, 'init', '-q');
    await sandbox.dstoreOk(['get', '.'], { cwd: part });
    expect(readFiles(part, Object.keys(FILES))).toEqual(FILES);
    writeFiles(part, { 'new.dat': bytes('new') });
    await sandbox.dstoreOk(['save', '-m', 'in the submodule'], { cwd: part });
    await checkClean(sandbox, part, { datalad: false });
    expect(readFiles(part, ['new.dat'])).toEqual({ 'new.dat': bytes('new') });
  });

  it.each(['--unlock', '--hide-missing'])('an adjusted branch (%s) works or is refused with the way out', async (mode) => {
    const clone = sandbox.path(`adjusted${mode}`);
    await sandbox.git(sandbox.root, 'clone', '-q', made, clone);
    await sandbox.annex(clone, 'init', '-q');
    await sandbox.annex(clone, 'adjust', mode);
    const head = await sandbox.git(clone, 'rev-parse', 'HEAD');
    writeFiles(clone, { 'new.dat': bytes('new') });
    const saved = await sandbox.dstore(['save', '-m', 'on an adjusted branch'], { cwd: clone });
    if (saved.status !== 0) {
      expect(saved.stdout + saved.stderr).toMatch(/DSTORE_E_ADJUSTED_BRANCH/);
      expect(saved.stdout + saved.stderr).toMatch(/git (checkout|switch|annex)/);
      expect(await sandbox.git(clone, 'rev-parse', 'HEAD')).toBe(head);
    }
    const got = await sandbox.dstore(['get', '.'], { cwd: clone });
    // On a branch that hides what is missing there is nothing to get.
    if (got.status === 0 && mode === '--unlock') expect(readFiles(clone, ['a.dat'])).toEqual({ 'a.dat': FILES['a.dat'] });
    else if (got.status !== 0) expect(got.stdout + got.stderr).toMatch(/DSTORE_E_ADJUSTED_BRANCH/);
    expect((await sandbox.run('git', ['fsck', '--strict', '--no-dangling'], { cwd: clone })).status).toBe(0);
  });
});

describeWith(['git-annex'], 'settings of git-annex', () => {
  const sandbox = createSandbox();

  it('backends and largefiles by .gitattributes, as git-annex decides them', async () => {
    const attributes = [
      '* annex.backend=MD5E', '*.sha annex.backend=SHA512', '*.one annex.backend=SHA1E', 'blake/** annex.backend=BLAKE2B256E',
      '*.txt annex.largefiles=nothing', '*.py annex.largefiles=largerthan=10b', '*.md annex.largefiles=((mimeencoding=binary)and(largerthan=0))', '',
    ].join('\n');
    const files = {
      '.gitattributes': attributes, 'x.dat': bytes('x'), 'x.sha': bytes('sha'), 'x.one': bytes('one'), 'blake/x.tar.gz': bytes('blake'), 'note.txt': 'text',
      'small.py': 'print(1)\n', 'large.py': 'print(1)\n'.repeat(10), 'text.md': 'text\n', 'binary.md': bytes('binary'), 'empty.md': '', 'deep/er/note.txt': 'deep text',
    };
    const trees: string[] = [];
    for (const by of ['dstore', 'git-annex']) {
      const dataset = sandbox.path(by);
      await sandbox.git(sandbox.root, 'init', '-q', dataset);
      await sandbox.annex(dataset, 'init', '-q');
      writeFiles(dataset, files);
      if (by === 'dstore') {
        await sandbox.dstoreOk(['save', '-m', 'x'], { cwd: dataset });
      } else {
        await sandbox.annex(dataset, 'add', '--quiet', '.');
        await sandbox.git(dataset, 'commit', '-qm', 'x');
      }
      await checkClean(sandbox, dataset, { datalad: false });
      trees.push(await sandbox.git(dataset, 'ls-tree', '-r', 'HEAD'));
    }
    expect(trees[0]).toBe(trees[1]);
  });

  it('numcopies and trust decide what may be dropped', async () => {
    const made = sandbox.path('policy');
    const store = sandbox.path('policy-store');
    await sandbox.dstoreOk(['create', made]);
    writeFiles(made, FILES);
    await sandbox.dstoreOk(['save', '-m', 'x'], { cwd: made });
    await sandbox.dstoreOk(['store', 'init', store]);
    await sandbox.dstoreOk(['push', '--to', store, '--alias', 'd'], { cwd: made });
    await sandbox.annex(made, 'numcopies', '2');
    const refusedDrop = await sandbox.dstore(['drop', 'a.dat'], { cwd: made });
    expect(refusedDrop.status).toBe(4);
    expect(refusedDrop.records[0]).toMatchObject({ path: 'a.dat', error: { code: 'DSTORE_E_DROP_UNSAFE' } });
    expect(readFiles(made, ['a.dat'])).toEqual({ 'a.dat': FILES['a.dat'] });
    await sandbox.annex(made, 'numcopies', '1');
    await sandbox.dstoreOk(['drop', 'a.dat'], { cwd: made });
    await sandbox.dstoreOk(['get', 'a.dat'], { cwd: made });
    await sandbox.annex(made, 'required', '.', 'include=folder/b.dat');
    const required = await sandbox.dstore(['drop', 'folder'], { cwd: made });
    expect(required.status).not.toBe(0);
    expect(required.records.map((record) => [record.path, record.status]).sort()).toEqual([['folder/b.dat', 'impossible'], ['folder/c.dat', 'ok']]);
    expect(readFiles(made, ['folder/b.dat', 'folder/c.dat'])).toEqual({ 'folder/b.dat': FILES['folder/b.dat'], 'folder/c.dat': undefined });
    const uuid = (JSON.parse(await sandbox.annex(made, 'whereis', '--json', 'a.dat')) as { whereis: { uuid: string; here: boolean }[] }).whereis.find((place) => !place.here)?.uuid ?? '';
    await sandbox.annex(made, 'untrust', uuid);
    expect((await sandbox.dstore(['drop', 'a.dat'], { cwd: made })).status).toBe(4);
    await sandbox.annex(made, 'semitrust', uuid);
    await checkClean(sandbox, made);
  });

  it('what git-annex left in its journal counts, and is not lost', async () => {
    const made = sandbox.path('journal');
    await sandbox.dstoreOk(['create', made]);
    await sandbox.git(made, 'config', 'annex.alwayscommit', 'false');
    writeFiles(made, FILES);
    await sandbox.annex(made, 'add', '--quiet', '.');
    await sandbox.git(made, 'commit', '-qm', 'by git-annex, its branch not committed');
    expect(await dstoreCopies(sandbox, made)).toEqual(await annexCopies(sandbox, made));
    await sandbox.dstoreOk(['store', 'init', sandbox.path('journal-store')]);
    await sandbox.dstoreOk(['push', '--to', sandbox.path('journal-store'), '--alias', 'd'], { cwd: made });
    for (const [path, places] of await annexCopies(sandbox, made)) expect(places.length, path).toBe(2);
    await checkClean(sandbox, made);
  });

  it('an unlocked file that git-annex made stays unlocked through drop and get', async () => {
    const made = sandbox.path('unlocked');
    const store = sandbox.path('unlocked-store');
    await sandbox.dstoreOk(['create', made]);
    writeFiles(made, FILES);
    writeFileSync(join(made, 'tool'), `#!/bin/sh\necho ${'x'.repeat(100)}\n`, { mode: 0o755 });
    await sandbox.dstoreOk(['save', '-m', 'x'], { cwd: made });
    await sandbox.annex(made, 'unlock', '--quiet', 'a.dat', 'tool');
    await sandbox.git(made, 'commit', '-qam', 'unlocked');
    await checkClean(sandbox, made);
    await sandbox.dstoreOk(['store', 'init', store]);
    await sandbox.dstoreOk(['push', '--to', store, '--alias', 'd'], { cwd: made });
    await sandbox.dstoreOk(['drop', '.'], { cwd: made });
    await checkClean(sandbox, made);
    expect(readFileSync(join(made, 'a.dat'), 'utf8')).toMatch(/^\/annex\/objects\//);
    await sandbox.dstoreOk(['get', '.'], { cwd: made });
    await checkClean(sandbox, made);
    expect(readFiles(made, Object.keys(FILES))).toEqual(FILES);
    expect(lstatSync(join(made, 'a.dat')).isFile()).toBe(true);
    expect(statSync(join(made, 'tool')).mode & 0o100).toBe(0o100);
    appendFileSync(join(made, 'a.dat'), 'edited');
    await sandbox.dstoreOk(['save', '-m', 'edited'], { cwd: made });
    await checkClean(sandbox, made);
    expect(readFileSync(join(made, 'a.dat'), 'utf8')).toBe(`${FILES['a.dat']}edited`);
  });
});

describeWith(['datalad', 'git-annex'], 'settings of DataLad', () => {
  const sandbox = createSandbox();

  it.each(['text2git', 'yoda'])('a dataset made with -c %s is saved the same way', async (configuration) => {
    const files = { 'text.txt': 'some text\n', 'utf8.txt': 'gr\u00f6\u00dfe\n', 'binary.dat': bytes('binary'), 'empty': '', 'README.md': 'read me\n', 'code/run.py': 'print(1)\n' };
    const trees: string[] = [];
    for (const by of ['dstore', 'datalad']) {
      const dataset = sandbox.path(`${configuration}-${by}`);
      await sandbox.datalad(sandbox.root, 'create', '-c', configuration, dataset);
      writeFiles(dataset, files);
      if (by === 'dstore') await sandbox.dstoreOk(['save', '-m', 'x'], { cwd: dataset });
      else await sandbox.datalad(dataset, 'save', '-m', 'x');
      await checkClean(sandbox, dataset);
      trees.push((await sandbox.git(dataset, 'ls-tree', '-r', 'HEAD')).split('\n').filter((line) => !line.endsWith('.datalad/config')).join('\n'));
    }
    expect(trees[0]).toBe(trees[1]);
  });

  it.each(['text2git', 'yoda'])('create --configuration %s makes what DataLad makes', async (configuration) => {
    const trees: string[] = [];
    const created = await sandbox.dstore(['create', '--configuration', configuration, sandbox.path(`create-${configuration}-dstore`)]);
    expect(created.status, created.stderr).toBe(0);
    await sandbox.datalad(sandbox.root, 'create', '-c', configuration, sandbox.path(`create-${configuration}-datalad`));
    for (const by of ['dstore', 'datalad']) {
      const dataset = sandbox.path(`create-${configuration}-${by}`);
      await checkClean(sandbox, dataset);
      writeFiles(dataset, { 'text.txt': 'text\n', 'binary.dat': bytes('b'), 'README.md': 'changed\n', 'code/x.py': 'x\n' });
      await sandbox.datalad(dataset, 'save', '-m', 'x');
      // Which files are annexed must be the same; keys may differ in their backend.
      trees.push((await sandbox.git(dataset, 'ls-tree', '-r', 'HEAD', 'text.txt', 'binary.dat', 'README.md', 'code/x.py')).replace(/ \w+ [0-9a-f]{40}/g, ''));
    }
    expect(trees[0]).toBe(trees[1]);
  });

  it('the dataset ID of DataLad is the ID in the store', async () => {
    const made = sandbox.path('id');
    await sandbox.datalad(sandbox.root, 'create', made);
    writeFiles(made, FILES);
    await sandbox.datalad(made, 'save', '-m', 'x');
    await sandbox.dstoreOk(['store', 'init', sandbox.path('id-store')]);
    await sandbox.dstoreOk(['push', '--to', sandbox.path('id-store')], { cwd: made });
    const id = (await sandbox.git(made, 'config', '-f', '.datalad/config', 'datalad.dataset.id')).trim();
    expect(existsSync(sandbox.path('id-store', id.slice(0, 3), id.slice(3), 'ria-layout-version'))).toBe(true);
    await sandbox.datalad(sandbox.root, 'clone', `ria+file://${sandbox.path('id-store')}#${id}`, sandbox.path('id-clone'));
    await sandbox.datalad(sandbox.path('id-clone'), 'get', '.');
    expect(readFiles(sandbox.path('id-clone'), Object.keys(FILES))).toEqual(FILES);
    await checkClean(sandbox, made);
  });
});

describe('an empty dataset', () => {
  const sandbox = createSandbox();

  it('is published, cloned and filled from the clone', async () => {
    const made = sandbox.path('made');
    await sandbox.dstoreOk(['create', made]);
    await sandbox.dstoreOk(['store', 'init', sandbox.path('store')]);
    await sandbox.dstoreOk(['push', '--to', sandbox.path('store'), '--alias', 'empty'], { cwd: made });
    const clone = sandbox.path('clone');
    await sandbox.dstoreOk(['clone', `${sandbox.path('store')}#~empty`, clone]);
    await sandbox.dstoreOk(['get', '.'], { cwd: clone });
    writeFiles(clone, FILES);
    await sandbox.dstoreOk(['save', '-m', 'first content'], { cwd: clone });
    await sandbox.dstoreOk(['push'], { cwd: clone });
    await sandbox.dstoreOk(['update'], { cwd: made });
    await sandbox.dstoreOk(['get', '.'], { cwd: made });
    expect(readFiles(made, Object.keys(FILES))).toEqual(FILES);
    await checkClean(sandbox, made);
  });
});
