import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkClean } from '../support/check-clean.ts';
import { bytes, writeFiles } from '../support/fixtures.ts';
import { createSandbox } from '../support/sandbox.ts';
import { describeWith } from '../support/tools.ts';

const INNER = 'sub/n\u00e4sted';

describeWith(['datalad', 'git-annex'], 'nested datasets made by DataLad', () => {
  const sandbox = createSandbox();
  const made = sandbox.path('made');
  const clone = sandbox.path('clone');
  const store = sandbox.path('store');

  it('are cloned, but not entered until a path asks for it', async () => {
    await sandbox.datalad(sandbox.root, 'create', made);
    await sandbox.datalad(made, 'create', '-d', '.', INNER);
    writeFiles(made, { 'top.dat': bytes('top'), [`${INNER}/inner.dat`]: bytes('inner'), [`${INNER}/other.dat`]: bytes('other') });
    await sandbox.datalad(made, 'create', '-d', '.', 'second');
    writeFiles(made, { 'second/second.dat': bytes('second') });
    await sandbox.datalad(made, 'save', '-r', '-m', 'content');
    await sandbox.datalad(made, 'create-sibling-ria', '-s', 'ria', '-r', '--alias', 'super', '--new-store-ok', `ria+file://${store}`);
    await sandbox.datalad(made, 'push', '--to', 'ria', '-r');
    await sandbox.dstoreOk(['clone', `${store}#~super`, clone]);
    await checkClean(sandbox, clone);
    await sandbox.dstoreOk(['get', 'top.dat'], { cwd: clone });
    expect(existsSync(join(clone, INNER, '.git'))).toBe(false);
    await checkClean(sandbox, clone);
  });

  it('get of a path inside installs the nested dataset at its registered commit', async () => {
    await sandbox.dstoreOk(['get', `${INNER}/inner.dat`], { cwd: clone });
    expect(readFileSync(join(clone, INNER, 'inner.dat'), 'utf8')).toBe(bytes('inner'));
    expect(existsSync(join(clone, INNER, 'other.dat'))).toBe(false);
    expect(existsSync(join(clone, 'second', '.git'))).toBe(false);
    expect(await sandbox.git(join(clone, INNER), 'rev-parse', 'HEAD')).toBe(await sandbox.git(join(made, INNER), 'rev-parse', 'HEAD'));
    expect((await sandbox.git(join(clone, INNER), 'symbolic-ref', 'HEAD')).trim()).toBe('refs/heads/main');
    await checkClean(sandbox, clone);
    await checkClean(sandbox, join(clone, INNER));
    expect(await sandbox.datalad(clone, 'subdatasets', '--state', 'present')).toContain(INNER);
  });

  it('get -r brings every nested dataset with its content', async () => {
    await sandbox.dstoreOk(['get', '-r', '.'], { cwd: clone });
    expect(readFileSync(join(clone, 'second/second.dat'), 'utf8')).toBe(bytes('second'));
    expect(readFileSync(join(clone, INNER, 'other.dat'), 'utf8')).toBe(bytes('other'));
    for (const dataset of [clone, join(clone, INNER), join(clone, 'second')]) await checkClean(sandbox, dataset);
  });

  it('find, whereis, status and drop go into them with -r', async () => {
    const found = await sandbox.dstoreOk(['find', '-r', '--in', 'here'], { cwd: clone });
    expect(found.records.map((record) => record.path)).toEqual(expect.arrayContaining(['top.dat', `${INNER}/inner.dat`, 'second/second.dat']));
    const places = await sandbox.dstoreOk(['whereis', '-r'], { cwd: clone });
    expect(places.records.map((record) => record.path)).toEqual(expect.arrayContaining([`${INNER}/other.dat`]));
    await sandbox.dstoreOk(['status', '-r'], { cwd: clone });
    await sandbox.dstoreOk(['drop', '-r', '.'], { cwd: clone });
    expect(existsSync(join(clone, INNER, 'inner.dat'))).toBe(false);
    expect(existsSync(join(clone, 'top.dat'))).toBe(false);
    for (const dataset of [clone, join(clone, INNER), join(clone, 'second')]) await checkClean(sandbox, dataset);
    await sandbox.datalad(clone, 'get', '-r', '.');
    expect(readFileSync(join(clone, INNER, 'inner.dat'), 'utf8')).toBe(bytes('inner'));
  });

  it('a change inside is saved in both, pushed with -r, and arrives at the maker', async () => {
    writeFileSync(join(clone, INNER, 'new.dat'), bytes('new'));
    await sandbox.dstoreOk(['save', '-r', '-m', 'a change inside'], { cwd: clone });
    for (const dataset of [clone, join(clone, INNER)]) await checkClean(sandbox, dataset);
    expect((await sandbox.git(clone, 'rev-parse', `HEAD:${INNER}`)).trim()).toBe((await sandbox.git(join(clone, INNER), 'rev-parse', 'HEAD')).trim());
    await sandbox.dstoreOk(['push', '-r'], { cwd: clone });
    for (const dataset of [clone, join(clone, INNER)]) await checkClean(sandbox, dataset);
    await sandbox.datalad(made, 'update', '-r', '--how', 'merge', '-s', 'ria');
    await sandbox.datalad(made, 'get', '-r', '.');
    expect(readFileSync(join(made, INNER, 'new.dat'), 'utf8')).toBe(bytes('new'));
    for (const dataset of [made, join(made, INNER)]) await checkClean(sandbox, dataset);
  });

  it('update -r takes what the maker changed', async () => {
    writeFileSync(join(made, INNER, 'from maker.dat'), bytes('from maker'));
    await sandbox.datalad(made, 'save', '-r', '-m', 'maker');
    await sandbox.datalad(made, 'push', '-r', '--to', 'ria');
    await sandbox.dstoreOk(['update', '-r'], { cwd: clone });
    await sandbox.dstoreOk(['get', `${INNER}/from maker.dat`], { cwd: clone });
    expect(readFileSync(join(clone, INNER, 'from maker.dat'), 'utf8')).toBe(bytes('from maker'));
    for (const dataset of [clone, join(clone, INNER)]) await checkClean(sandbox, dataset);
  });
});

describeWith(['datalad', 'git-annex'], 'nested datasets made by dstore', () => {
  const sandbox = createSandbox();
  const made = sandbox.path('made');
  const clone = sandbox.path('clone');
  const store = sandbox.path('store');

  it('are registered, saved and pushed so that DataLad installs them', async () => {
    await sandbox.dstoreOk(['create', made]);
    await sandbox.dstoreOk(['create', INNER], { cwd: made });
    writeFiles(made, { 'top.dat': bytes('top'), [`${INNER}/inner.dat`]: bytes('inner') });
    await sandbox.dstoreOk(['save', '-r', '-m', 'content'], { cwd: made });
    for (const dataset of [made, join(made, INNER)]) await checkClean(sandbox, dataset);
    await sandbox.dstoreOk(['store', 'init', store]);
    await sandbox.dstoreOk(['push', '-r', '--to', store, '--alias', 'super'], { cwd: made });
    for (const dataset of [made, join(made, INNER)]) await checkClean(sandbox, dataset);
    await sandbox.datalad(sandbox.root, 'clone', `ria+file://${store}#~super`, clone);
    await sandbox.datalad(clone, 'get', `${INNER}/inner.dat`);
    expect(readFileSync(join(clone, INNER, 'inner.dat'), 'utf8')).toBe(bytes('inner'));
    for (const dataset of [clone, join(clone, INNER)]) await checkClean(sandbox, dataset);
  });

  it('changes that DataLad pushes arrive', async () => {
    writeFileSync(join(clone, INNER, 'new.dat'), bytes('new'));
    await sandbox.datalad(clone, 'save', '-r', '-m', 'a change inside');
    await sandbox.datalad(clone, 'push', '-r', '--to', 'origin');
    await sandbox.dstoreOk(['update', '-r'], { cwd: made });
    await sandbox.dstoreOk(['get', '-r', '.'], { cwd: made });
    expect(readFileSync(join(made, INNER, 'new.dat'), 'utf8')).toBe(bytes('new'));
    for (const dataset of [made, join(made, INNER)]) await checkClean(sandbox, dataset);
  });
});
