// Stores that old programs wrote are read, and not changed by reading.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkClean } from '../support/check-clean.ts';
import { bytes, snapshot, writeFiles } from '../support/fixtures.ts';
import { goldenExpectation, unpackGolden } from '../support/golden.ts';
import { createSandbox } from '../support/sandbox.ts';

const sandbox = createSandbox();
const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

describe('golden stores', () => {
  it('empty: opened, lists nothing, takes a first dataset', async () => {
    const store = await unpackGolden(sandbox, 'empty', sandbox.path('empty'));
    const before = snapshot(store);
    await sandbox.dstoreOk(['store', 'info', store]);
    const listed = await sandbox.dstoreOk(['store', 'list', store]);
    expect(listed.records.filter((record) => record.kind === 'dataset')).toEqual([]);
    expect(snapshot(store)).toEqual(before);
    const dataset = sandbox.path('first');
    await sandbox.dstoreOk(['create', dataset]);
    writeFiles(dataset, { 'a.dat': bytes('a') });
    await sandbox.dstoreOk(['save', '-m', 'a'], { cwd: dataset });
    await sandbox.dstoreOk(['push', '--to', store, '--alias', 'first'], { cwd: dataset });
    await checkClean(sandbox, dataset);
    expect(readFileSync(join(store, 'ria-layout-version'), 'utf8')).toBe('1\n');
  });

  it.each(['loose', 'layout-1'])('%s: every file, by alias and by ID', async (name) => {
    const golden = goldenExpectation(name);
    const store = await unpackGolden(sandbox, name, sandbox.path(name));
    const before = snapshot(store);
    for (const reference of [`${store}#~${golden.alias}`, `ria+file://${store}#${golden.dataset}`]) {
      const clone = sandbox.path(`${name}-clone-${reference.length}`);
      await sandbox.dstoreOk(['clone', reference, clone]);
      expect((await sandbox.git(clone, 'rev-parse', 'HEAD')).trim()).toBe(golden.commit);
      await sandbox.dstoreOk(['get', '.'], { cwd: clone });
      for (const [path, digest] of Object.entries(golden.files)) expect(sha256(join(clone, path)), path).toBe(digest);
      await checkClean(sandbox, clone);
      const places = await sandbox.dstoreOk(['whereis', 'one.dat'], { cwd: clone });
      const copies = (places.records[0]?.details?.['copies'] ?? []) as readonly { uuid: string }[];
      expect(copies.map((copy) => copy.uuid)).toContain(golden.storage);
    }
    expect(snapshot(store)).toEqual(before);
  });

  it.each(['loose', 'layout-1'])('%s: content comes back, drop is guarded by the store', async (name) => {
    const store = await unpackGolden(sandbox, name, sandbox.path(`${name}-again`));
    const clone = sandbox.path(`${name}-again-clone`);
    await sandbox.dstoreOk(['clone', `${store}#~data`, clone]);
    await sandbox.dstoreOk(['get', 'folder'], { cwd: clone });
    await sandbox.dstoreOk(['drop', 'folder'], { cwd: clone });
    expect(existsSync(join(clone, 'folder/with blank.bin'))).toBe(false);
    await checkClean(sandbox, clone);
  });

  it('archived: cloned; content in archives is named as what is missing', async () => {
    const golden = goldenExpectation('archived');
    const store = await unpackGolden(sandbox, 'archived', sandbox.path('archived'));
    const before = snapshot(store);
    const clone = sandbox.path('archived-clone');
    await sandbox.dstoreOk(['clone', `${store}#~${golden.alias}`, clone]);
    expect((await sandbox.git(clone, 'rev-parse', 'HEAD')).trim()).toBe(golden.commit);
    const result = await sandbox.dstore(['get', 'one.dat'], { cwd: clone });
    expect(result.status).not.toBe(0);
    expect(result.records[0]).toMatchObject({ status: 'error', path: 'one.dat' });
    expect(JSON.stringify(result.records[0])).toMatch(/archive/);
    expect(existsSync(join(clone, 'one.dat'))).toBe(false);
    expect(snapshot(store)).toEqual(before);
    await checkClean(sandbox, clone);
  });
});
