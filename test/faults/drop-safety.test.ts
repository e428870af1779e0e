// Whether a copy may be dropped: dstore and git-annex decide the same in twin clones, and a refusal says who was asked and what helps.
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { checkClean } from '../support/check-clean.ts';
import { bytes, writeFiles } from '../support/fixtures.ts';
import { createSandbox } from '../support/sandbox.ts';
import { describeWith } from '../support/tools.ts';

describeWith(['git-annex'], 'drop beside git-annex', () => {
  const sandbox = createSandbox();
  const origin = sandbox.path('origin');
  let counter = 0;

  /** A dataset with two other places: `one` has everything, `two` only b.dat. */
  beforeAll(async () => {
    const dataset = join(origin, 'dataset');
    mkdirSync(dataset, { recursive: true });
    await sandbox.git(dataset, 'init', '-q', '.');
    await sandbox.annex(dataset, 'init', '-q', 'dataset');
    writeFiles(dataset, { 'a.dat': bytes('a'), 'b.dat': bytes('b'), 'twin of a.dat': bytes('a'), 'c.dat': bytes('c') });
    await sandbox.annex(dataset, 'add', '--quiet', '.');
    await sandbox.git(dataset, 'commit', '-qm', 'content');
    for (const name of ['one', 'two']) {
      await sandbox.git(origin, 'init', '-q', '--bare', name);
      await sandbox.annex(join(origin, name), 'init', '-q', name);
      await sandbox.git(dataset, 'remote', 'add', name, `../${name}`);
    }
    await sandbox.annex(dataset, 'copy', '--quiet', '--to', 'one');
    await sandbox.annex(dataset, 'copy', '--quiet', '--to', 'two', 'b.dat');
  });

  async function twin(): Promise<string> {
    const copy = sandbox.path(`twin-${counter++}`);
    await sandbox.ok('cp', ['-a', origin, copy]);
    return join(copy, 'dataset');
  }

  const annexOf = (...args: string[]) => async (dataset: string): Promise<void> => void (await sandbox.annex(dataset, ...args));
  const away = (dataset: string, name: string): void => renameSync(join(dataset, '..', name), join(dataset, '..', `${name} is away`));
  const attributes = async (dataset: string, text: string): Promise<void> => {
    writeFileSync(join(dataset, '.gitattributes'), text);
    await sandbox.git(dataset, 'add', '.gitattributes');
    await sandbox.git(dataset, 'commit', '-qm', 'attributes');
  };

  it.each<[string, (dataset: string) => Promise<void>]>([
    ['nothing special', async () => {}],
    ['numcopies 2', annexOf('numcopies', '2')],
    ['numcopies 2 for one file by .gitattributes', (dataset) => attributes(dataset, 'a.dat annex.numcopies=2\n')],
    ['numcopies 2 for another file of the same content', (dataset) => attributes(dataset, 'twin* annex.numcopies=2\n')],
    ['mincopies 2', annexOf('mincopies', '2')],
    ['annex.numcopies 3 in the configuration', async (dataset) => void (await sandbox.git(dataset, 'config', 'annex.numcopies', '3'))],
    ['an untrusted place', annexOf('untrust', 'one')],
    ['a dead place', annexOf('dead', 'one')],
    ['a trusted place that is away', async (dataset) => {
      await sandbox.annex(dataset, 'trust', '--force', 'one');
      away(dataset, 'one');
    }],
    ['a place that is away', async (dataset) => away(dataset, 'one')],
    ['trust in the configuration', async (dataset) => void (await sandbox.git(dataset, 'config', 'remote.one.annex-trustlevel', 'untrusted'))],
    ['required content', annexOf('required', '.', 'include=a.dat')],
    ['required content for another file of the same content', annexOf('required', '.', 'include=twin*')],
    ['content that a place has lost', async (dataset) => {
      const key = (await sandbox.annex(dataset, 'lookupkey', 'a.dat')).trim();
      const one = join(dataset, '../one/annex/objects');
      const found = readdirSync(one, { recursive: true, encoding: 'utf8' }).find((path) => path.endsWith(`${key}/${key}`))!;
      chmodSync(join(one, found, '..'), 0o755);
      rmSync(join(one, found));
    }],
  ])('%s', async (_name, prepare) => {
    const [mine, theirs] = [await twin(), await twin()];
    await prepare(mine);
    await prepare(theirs);
    for (const file of ['c.dat', 'b.dat', 'a.dat']) {
      const annex = await sandbox.run('git', ['annex', 'drop', '--quiet', file], { cwd: theirs });
      const dstore = await sandbox.dstore(['drop', file], { cwd: mine });
      expect(dstore.status === 0, `${file}: git annex ended with ${annex.status}\n${annex.stderr}\n${dstore.stdout}`).toBe(annex.status === 0);
      expect(existsSync(join(mine, file)), file).toBe(existsSync(join(theirs, file)));
      if (dstore.status === 0) continue;
      expect(dstore.status).toBe(4);
      const [record] = dstore.records;
      expect(record?.status).toBe('impossible');
      expect(record?.error?.hint).toMatch(/dstore push|git annex required/);
      if (record?.error?.code === 'DSTORE_E_DROP_UNSAFE') expect(record.error.message).toMatch(/\(one: .+; two: .+\)/);
    }
    expect((await sandbox.git(mine, 'status', '--porcelain'))).toBe('');
  });

  it('a truncated copy does not count, and the refusal says so', async () => {
    const dataset = await twin();
    const key = (await sandbox.annex(dataset, 'lookupkey', 'c.dat')).trim();
    const one = join(dataset, '../one/annex/objects');
    const found = join(one, readdirSync(one, { recursive: true, encoding: 'utf8' }).find((path) => path.endsWith(`${key}/${key}`))!);
    chmodSync(found, 0o644);
    truncateSync(found, 1);
    const result = await sandbox.dstore(['drop', 'c.dat'], { cwd: dataset });
    expect(result.status).toBe(4);
    expect(result.records[0]?.error?.message).toContain('one: has 1 bytes');
    expect(existsSync(join(dataset, 'c.dat'))).toBe(true);
  });

  it('an unlocked file with changes keeps them', async () => {
    const dataset = await twin();
    await sandbox.annex(dataset, 'unlock', '--quiet', 'c.dat');
    writeFileSync(join(dataset, 'c.dat'), 'changed');
    const result = await sandbox.dstore(['drop', 'c.dat'], { cwd: dataset });
    expect(result.status).toBe(4);
    expect(result.records[0]?.error).toMatchObject({ code: 'DSTORE_E_MODIFIED', hint: expect.stringContaining('dstore save') as string });
  });

  it('--force says what it gave up', async () => {
    const dataset = await twin();
    away(dataset, 'one');
    const result = await sandbox.run(process.execPath, [join(import.meta.dirname, '../../bin/dstore.js'), 'drop', '--force', 'a.dat'], { cwd: dataset });
    expect(result.status).toBe(0);
    expect(result.stderr).toMatch(/forced.*a\.dat \(one: .*; two: does not have it\)/);
    expect(existsSync(join(dataset, 'a.dat'))).toBe(false);
    renameSync(join(dataset, '../one is away'), join(dataset, '../one'));
    await sandbox.dstoreOk(['get'], { cwd: dataset });
    await checkClean(sandbox, dataset);
  });
});
