// The reference store that DataLad and git-annex make, read completely.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { checkClean } from '../support/check-clean.ts';
import { PROJECT } from '../support/project.ts';
import { snapshot } from '../support/fixtures.ts';
import { createSandbox } from '../support/sandbox.ts';
import { describeWith } from '../support/tools.ts';

interface ManifestRow {
  readonly dataset: string;
  readonly path: string;
  readonly kind: string;
  readonly size: string;
  readonly md5: string;
  readonly key: string;
}

describeWith(['datalad', 'git-annex', '7z'], 'the reference RIA store', () => {
  const sandbox = createSandbox();
  const store = sandbox.path('fixture', 'store');
  let rows: ManifestRow[] = [];
  let ids: Record<string, string> = {};
  let before: Record<string, string> = {};

  beforeAll(async () => {
    await sandbox.ok('bash', [join(PROJECT, 'test/support/make-ria-fixture.sh'), sandbox.path('fixture')], { timeoutMilliseconds: 230_000 });
    rows = readFileSync(sandbox.path('fixture', 'manifest.tsv'), 'utf8').trimEnd().split('\n').map((line) => {
      const [dataset = '', path = '', kind = '', size = '', md5 = '', key = ''] = line.split('\t');
      return { dataset, path, kind, size, md5, key };
    });
    ids = Object.fromEntries(
      readFileSync(sandbox.path('fixture', 'fixture.env'), 'utf8').trimEnd().split('\n').map((line) => {
        const [, name = '', value = ''] = /^(\w+)='?(.*?)'?$/.exec(line) ?? [];
        return [name, value];
      }),
    );
    before = snapshot(store, { git: true });
  });

  const md5 = (path: string): string => createHash('md5').update(readFileSync(path)).digest('hex');
  const inGit = (row: ManifestRow): boolean => row.kind === 'git';
  /** WORM and URL keys say nothing that bytes could be checked against. */
  const verifiable = (row: ManifestRow): boolean => !/^(WORM|URL)-/.test(row.key);

  async function cloneAndCompare(dataset: string, reference: string, clone: string): Promise<void> {
    await sandbox.dstoreOk(['clone', reference, clone]);
    expect((await sandbox.git(clone, 'rev-parse', 'HEAD')).trim()).toBe(ids[`FIXTURE_${dataset.toUpperCase()}_COMMIT`]);
    await checkClean(sandbox, clone);
    const mine = rows.filter((row) => row.dataset === dataset && row.kind !== 'subdataset');
    expect(mine.length).toBeGreaterThan(1);
    for (const row of mine.filter(inGit)) {
      // A symlink in git is compared by what it leads to, which may be missing content.
      if (existsSync(join(clone, row.path))) expect(md5(join(clone, row.path)), row.path).toBe(row.md5);
    }
    const paths = mine.filter((row) => !inGit(row) && verifiable(row)).map((row) => `./${row.path}`);
    await sandbox.dstoreOk(['get', '--', ...paths], { cwd: clone });
    await checkClean(sandbox, clone);
    // Content that cannot be verified comes only where git-annex would take it, too.
    await sandbox.git(clone, 'config', 'annex.security.allow-unverified-downloads', 'ACKTHPPT');
    await sandbox.dstoreOk(['get', '.'], { cwd: clone });
    for (const row of mine) expect(md5(join(clone, row.path)), row.path).toBe(row.md5);
    await checkClean(sandbox, clone);
  }

  it('main: by alias, every file as the manifest says', async () => {
    await cloneAndCompare('main', `${store}#~main`, sandbox.path('main'));
  });

  it('main: contents that only the history names are known and had', async () => {
    const main = sandbox.path('main');
    await sandbox.git(main, 'checkout', '-q', '--detach', 'HEAD~4');
    const found = await sandbox.dstoreOk(['get', '.'], { cwd: main });
    expect(found.records.length).toBeGreaterThan(0);
    await sandbox.git(main, 'checkout', '-q', 'main');
    await checkClean(sandbox, main);
  });

  it('nested: through the super-dataset and by its own ID', async () => {
    await sandbox.dstoreOk(['get', 'sub/nested'], { cwd: sandbox.path('main') });
    await checkClean(sandbox, sandbox.path('main'));
    await checkClean(sandbox, sandbox.path('main/sub/nested'));
    await cloneAndCompare('nested', `ria+file://${store}#${ids['FIXTURE_NESTED_ID']}`, sandbox.path('nested'));
  });

  it('legacy: object layout 1', async () => {
    await cloneAndCompare('legacy', `${store}#${ids['FIXTURE_LEGACY_ID']}`, sandbox.path('legacy'));
  });

  it('main at an earlier version', async () => {
    const commit = (await sandbox.git(sandbox.path('fixture/src/main'), 'rev-list', '--max-parents=0', 'HEAD')).trim();
    await sandbox.git(sandbox.path('fixture/src/main'), 'push', '-q', 'ria', `${commit}:refs/tags/v0`);
    await sandbox.dstoreOk(['clone', `ria+file://${store}#~main@v0`, sandbox.path('at-version')]);
    expect((await sandbox.git(sandbox.path('at-version'), 'rev-parse', 'HEAD')).trim()).toBe(commit);
    before = snapshot(store, { git: true });
  });

  it('archived: cloned, and a clear error where content lies in an archive', async () => {
    const clone = sandbox.path('archived');
    await sandbox.dstoreOk(['clone', `${store}#~arch ive`, clone]);
    await checkClean(sandbox, clone);
    const result = await sandbox.dstore(['get', 'table.tsv'], { cwd: clone });
    expect(result.status).not.toBe(0);
    const [record] = result.records;
    expect(record).toMatchObject({ status: 'error', path: 'table.tsv' });
    expect(record?.error?.code).toMatch(/^DSTORE_E_(CONTENT_UNAVAILABLE|UNSUPPORTED)$/);
    expect(`${record?.error?.message} ${record?.error?.hint}`).toMatch(/archive/);
    expect(existsSync(join(clone, 'table.tsv'))).toBe(false);
    await checkClean(sandbox, clone);
  });

  it('reading changed nothing in the store', () => {
    expect(snapshot(store, { git: true })).toEqual(before);
  });

  it('the store lists its datasets', async () => {
    const { records } = await sandbox.dstoreOk(['store', 'list', store]);
    const listed = JSON.stringify(records);
    for (const name of ['MAIN', 'NESTED', 'LEGACY', 'ARCHIVED']) expect(listed).toContain(ids[`FIXTURE_${name}_ID`]);
    expect(listed).toContain('arch ive');
  });

  it('what dstore pushes into it, DataLad reads', async () => {
    const main = sandbox.path('main');
    await sandbox.ok('sh', ['-c', 'printf "added\\0by dstore" > added.dat'], { cwd: main });
    await sandbox.dstoreOk(['save', '-m', 'added'], { cwd: main });
    await sandbox.dstoreOk(['push'], { cwd: main });
    await checkClean(sandbox, main);
    await sandbox.datalad(sandbox.root, 'clone', `ria+file://${store}#~main`, sandbox.path('by-datalad'));
    await sandbox.datalad(sandbox.path('by-datalad'), 'get', 'added.dat');
    expect(readFileSync(sandbox.path('by-datalad/added.dat'), 'utf8')).toBe('added\0by dstore');
    const legacy = sandbox.path('legacy');
    await sandbox.ok('sh', ['-c', 'printf "added\\0to layout 1" > added.dat'], { cwd: legacy });
    await sandbox.dstoreOk(['save', '-m', 'added'], { cwd: legacy });
    await sandbox.dstoreOk(['push'], { cwd: legacy });
    await sandbox.datalad(sandbox.root, 'clone', `ria+file://${store}#${ids['FIXTURE_LEGACY_ID']}`, sandbox.path('legacy-by-datalad'));
    await sandbox.datalad(sandbox.path('legacy-by-datalad'), 'get', '.');
    expect(readFileSync(sandbox.path('legacy-by-datalad/added.dat'), 'utf8')).toBe('added\0to layout 1');
    await checkClean(sandbox, sandbox.path('legacy-by-datalad'));
  });
});
