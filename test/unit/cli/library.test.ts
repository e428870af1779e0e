import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DStoreEvent, ResultRecord } from '../../../src/index.ts';
import * as dstore from '../../../src/index.ts';

let root = '';
let study = '';
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'dstore-library-'));
  study = join(root, 'study');
  process.env['HOME'] = root;
  process.env['GIT_CONFIG_NOSYSTEM'] = '1';
  for (const role of ['AUTHOR', 'COMMITTER']) {
    process.env[`GIT_${role}_NAME`] = 'Ann';
    process.env[`GIT_${role}_EMAIL`] = 'ann@example.org';
  }
});
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 2 }));

describe('the library', () => {
  it('does what the commands do and returns their records', async () => {
    const created = await dstore.create({ cwd: root, directory: 'study' });
    expect(created).toMatchObject([{ action: 'create', status: 'ok', kind: 'dataset', dataset: study }]);
    writeFileSync(join(study, 'a.dat'), '\0some content');
    expect(await dstore.status({ cwd: study })).toMatchObject([{ path: 'a.dat', details: { state: 'untracked' } }]);

    const seen: ResultRecord[] = [];
    const events: DStoreEvent[] = [];
    const saved = await dstore.save({ cwd: study, message: 'one file' }, { onRecord: (record) => seen.push(record), onEvent: (event) => events.push(event) });
    expect(seen).toEqual(saved);
    expect(events.some((event) => event.type === 'plan')).toBe(true);
    expect(saved).toContainEqual(expect.objectContaining({ path: 'a.dat', kind: 'file', status: 'ok', bytes: 13 }));

    const [found] = await dstore.find({ cwd: study, in: ['here'] });
    expect(found).toMatchObject({ path: 'a.dat', bytes: 13, details: { here: true } });
    const key = dstore.parseKey(found?.key ?? '');
    expect(key).toMatchObject({ backend: 'SHA256E', size: 13 });
    expect(dstore.printKey(key)).toBe(found?.key);
  });

  it('resolves with a record where a file could not be done', async () => {
    const [refused, ...others] = await dstore.drop({ cwd: study, paths: ['a.dat'] });
    expect(others).toEqual([]);
    expect(refused).toMatchObject({ status: 'impossible', path: 'a.dat', error: { code: 'DSTORE_E_DROP_UNSAFE' } });
  });

  it('rejects with a dstore error when nothing could be attempted', async () => {
    const error: unknown = await dstore.get({ cwd: root }).catch((reason: unknown) => reason);
    expect(dstore.isDStoreError(error) && error.code).toBe('NOT_A_DATASET');
  });

  it('rejects with ABORTED when the signal is, before and during the work', async () => {
    const before: unknown = await dstore.save({ cwd: study }, { signal: AbortSignal.abort() }).catch((reason: unknown) => reason);
    expect(dstore.isDStoreError(before) && before.code).toBe('ABORTED');

    writeFileSync(join(study, 'b.dat'), '\0more');
    const aborter = new AbortController();
    const during: unknown = await dstore.save({ cwd: study }, { signal: aborter.signal, onEvent: () => aborter.abort() }).catch((reason: unknown) => reason);
    expect(dstore.isDStoreError(during) && during.code).toBe('ABORTED');
    // Nothing is half done: the file is there, and the next call saves it.
    expect(await dstore.save({ cwd: study })).toContainEqual(expect.objectContaining({ path: 'b.dat', status: 'ok' }));
    expect(await dstore.status({ cwd: study })).toEqual([]);
  });
});
