// Several programs in one clone at the same time, interruptions at any point: nothing is lost, nothing is half there.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { checkClean } from '../support/check-clean.ts';
import { PROJECT } from '../support/project.ts';
import { createSandbox } from '../support/sandbox.ts';
import { describeWith } from '../support/tools.ts';

const COUNT = 300;

describe('interruptions', () => {
  const sandbox = createSandbox();
  const made = sandbox.path('made');
  const store = sandbox.path('store');

  beforeAll(async () => {
    await sandbox.dstoreOk(['create', made]);
    for (let index = 0; index < COUNT; index++) {
      const folder = join(made, `folder ${index % 10}`);
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, `${index}.dat`), Buffer.alloc(40_000, `${index}\0`));
    }
    writeFileSync(join(made, 'big.dat'), Buffer.alloc(64 << 20, 'big\0'));
    await sandbox.dstoreOk(['save', '-m', 'content'], { cwd: made });
    await sandbox.dstoreOk(['store', 'init', store]);
    await sandbox.dstoreOk(['push', '--to', store, '--alias', 'data'], { cwd: made });
  });

  /** Starts a command and sends it a signal after a while. @returns its status, or the signal that ended it */
  function interrupted(args: readonly string[], cwd: string, signal: 'SIGINT' | 'SIGKILL', afterMilliseconds: number): Promise<number | string | null> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [join(PROJECT, 'bin/dstore.js'), ...args], { cwd, env: sandbox.env, stdio: 'ignore' });
      const timer = setTimeout(() => child.kill(signal), afterMilliseconds);
      child.on('error', reject);
      child.on('close', (status, by) => {
        clearTimeout(timer);
        resolve(by ?? status);
      });
    });
  }

  /** No file under its name may have other than its whole content. */
  function expectNothingPartial(clone: string): void {
    for (let index = 0; index < COUNT; index++) {
      const path = join(`folder ${index % 10}`, `${index}.dat`);
      if (existsSync(join(clone, path))) expect(readFileSync(join(clone, path)).equals(readFileSync(join(made, path))), path).toBe(true);
    }
    if (existsSync(join(clone, 'big.dat'))) expect(readFileSync(join(clone, 'big.dat')).length).toBe(64 << 20);
  }

  it.each([
    ['SIGINT', 90], ['SIGINT', 160], ['SIGINT', 250], ['SIGKILL', 120], ['SIGKILL', 200], ['SIGKILL', 300],
  ] as const)('get, %s after %i ms: usable, and the next run completes', async (signal, delay) => {
    const clone = sandbox.path(`get-${signal}-${delay}`);
    await sandbox.dstoreOk(['clone', `${store}#~data`, clone]);
    const end = await interrupted(['get', '.'], clone, signal, delay);
    // It may have been faster than the signal, or not yet listening to it.
    expect([0, 130, 'SIGINT', 'SIGKILL']).toContain(end);
    expectNothingPartial(clone);
    await sandbox.dstoreOk(['get', '.'], { cwd: clone });
    expectNothingPartial(clone);
    expect(existsSync(join(clone, 'big.dat'))).toBe(true);
    await sandbox.dstoreOk(['fsck', '--fast'], { cwd: clone });
    await checkClean(sandbox, clone);
    const leftovers = existsSync(join(clone, '.git/annex/tmp')) ? readdirSync(join(clone, '.git/annex/tmp')) : [];
    expect(leftovers, 'temporary files').toEqual([]);
  });

  it.each([['SIGINT', 150], ['SIGKILL', 150], ['SIGKILL', 300]] as const)('save, %s after %i ms: the files are all there, and the next run completes', async (signal, delay) => {
    const dataset = sandbox.path(`save-${signal}-${delay}`);
    await sandbox.dstoreOk(['create', dataset]);
    for (let index = 0; index < COUNT; index++) writeFileSync(join(dataset, `${index}.dat`), Buffer.alloc(40_000, `${index}\0`));
    await interrupted(['save', '-m', 'interrupted'], dataset, signal, delay);
    for (let index = 0; index < COUNT; index++) expect(readFileSync(join(dataset, `${index}.dat`)).equals(Buffer.alloc(40_000, `${index}\0`)), `${index}.dat`).toBe(true);
    // A killed process leaves git's own lock files behind, as git does; the message says which.
    const again = await sandbox.dstore(['save', '-m', 'again'], { cwd: dataset });
    if (again.status === 11) {
      expect(again.stdout + again.stderr).toMatch(/\.lock/);
      for (const lock of readdirSync(join(dataset, '.git'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.lock'))) await sandbox.ok('rm', [join(dataset, '.git', lock)]);
      await sandbox.dstoreOk(['save', '-m', 'again'], { cwd: dataset });
    } else {
      expect(again.status, again.stdout + again.stderr).toBe(0);
    }
    await checkClean(sandbox, dataset);
  });

  it.each([['SIGINT', 150], ['SIGKILL', 150], ['SIGKILL', 280]] as const)('push, %s after %i ms: the store stays readable, and the next run completes', async (signal, delay) => {
    const target = sandbox.path(`push-${signal}-${delay}`);
    await sandbox.dstoreOk(['store', 'init', target]);
    const source = sandbox.path(`source-${signal}-${delay}`);
    await sandbox.dstoreOk(['clone', `${store}#~data`, source]);
    await sandbox.dstoreOk(['get', '.'], { cwd: source });
    await interrupted(['push', '--to', target, '--alias', 'd'], source, signal, delay);
    const again = await sandbox.dstore(['push', '--to', target, '--alias', 'd'], { cwd: source });
    expect(again.status, again.stdout.slice(-2000) + again.stderr).toBe(0);
    const clone = sandbox.path(`from-${signal}-${delay}`);
    await sandbox.dstoreOk(['clone', `${target}#~d`, clone]);
    await sandbox.dstoreOk(['get', '.'], { cwd: clone });
    expectNothingPartial(clone);
    expect(existsSync(join(clone, 'big.dat'))).toBe(true);
    await checkClean(sandbox, clone);
  });
});

describeWith(['git-annex'], 'at the same time', () => {
  const sandbox = createSandbox();
  const made = sandbox.path('made');
  const store = sandbox.path('store');

  beforeAll(async () => {
    await sandbox.dstoreOk(['create', made]);
    for (let index = 0; index < 120; index++) {
      const folder = join(made, index % 2 === 0 ? 'even' : 'odd');
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, `${index}.dat`), `${index}\0${'x'.repeat(index)}`);
    }
    await sandbox.dstoreOk(['save', '-m', 'content'], { cwd: made });
    await sandbox.dstoreOk(['store', 'init', store]);
    await sandbox.dstoreOk(['push', '--to', store, '--alias', 'data'], { cwd: made });
  });

  it('dstore and git-annex get and drop in one clone', async () => {
    const clone = sandbox.path('both');
    await sandbox.git(sandbox.root, 'clone', '-q', made, clone);
    await sandbox.annex(clone, 'init', '-q');
    for (let round = 0; round < 3; round++) {
      await Promise.all([sandbox.dstoreOk(['get', 'even'], { cwd: clone }), sandbox.annex(clone, 'get', '--quiet', 'odd')]);
      await checkClean(sandbox, clone);
      await Promise.all([sandbox.dstoreOk(['drop', 'odd'], { cwd: clone }), sandbox.annex(clone, 'drop', '--quiet', 'even')]);
      await checkClean(sandbox, clone);
    }
  });

  it('two dstore get of the same files', async () => {
    const clone = sandbox.path('twice');
    await sandbox.dstoreOk(['clone', `${store}#~data`, clone]);
    await Promise.all([sandbox.dstoreOk(['get', '.'], { cwd: clone }), sandbox.dstoreOk(['get', '.'], { cwd: clone })]);
    await checkClean(sandbox, clone);
  });

  it('two clones drop their copies at once: one of them is enough, none is too few', async () => {
    // No copy in a store: only the two clones have the content, and each is the other's reason to drop.
    const first = sandbox.path('first');
    const second = sandbox.path('second');
    await sandbox.dstoreOk(['create', first]);
    for (let index = 0; index < 40; index++) writeFileSync(join(first, `${index}.dat`), `${index}\0drop race`);
    await sandbox.dstoreOk(['save', '-m', 'x'], { cwd: first });
    await sandbox.dstoreOk(['clone', first, second]);
    await sandbox.dstoreOk(['get', '.'], { cwd: second });
    await sandbox.git(first, 'remote', 'add', 'second', second);
    await sandbox.git(first, 'fetch', '-q', 'second');
    await Promise.all([sandbox.dstore(['drop', '.'], { cwd: first }), sandbox.run('git', ['annex', 'drop', '--quiet', '.'], { cwd: second })]);
    for (let index = 0; index < 40; index++) {
      expect(existsSync(join(first, `${index}.dat`)) || existsSync(join(second, `${index}.dat`)), `${index}.dat is somewhere`).toBe(true);
    }
  });

  it('several clones push to one dataset at once', async () => {
    const clones = [0, 1, 2].map((index) => sandbox.path(`pusher-${index}`));
    for (const [index, clone] of clones.entries()) {
      await sandbox.dstoreOk(['clone', `${store}#~data`, clone]);
      writeFileSync(join(clone, `from ${index}.dat`), `from ${index}\0`);
      await sandbox.dstoreOk(['save', '-m', `from ${index}`], { cwd: clone });
    }
    const results = await Promise.all(clones.map((clone) => sandbox.dstore(['push'], { cwd: clone })));
    for (const [index, result] of results.entries()) {
      const clone = clones[index] ?? '';
      if (result.status === 0) continue;
      // Only the branch may be behind; after an update the push goes through, and no content is sent again in vain.
      expect(result.stdout + result.stderr).toMatch(/DSTORE_E_PUSH_REJECTED/);
      for (let attempt = 0; ; attempt++) {
        await sandbox.dstoreOk(['update'], { cwd: clone });
        const again = await sandbox.dstore(['push'], { cwd: clone });
        if (again.status === 0) break;
        expect(attempt).toBeLessThan(5);
      }
    }
    const fresh = sandbox.path('after pushes');
    await sandbox.dstoreOk(['clone', `${store}#~data`, fresh]);
    await sandbox.dstoreOk(['get', '.'], { cwd: fresh });
    for (const index of [0, 1, 2]) expect(readFileSync(join(fresh, `from ${index}.dat`), 'utf8')).toBe(`from ${index}\0`);
    await checkClean(sandbox, fresh);
  });
});
