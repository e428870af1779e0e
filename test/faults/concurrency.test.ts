// Many processes in one clone, many clones at one store: nothing is lost, and waiting is better than failing.
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { annexCopies, checkClean } from '../support/check-clean.ts';
import { createSandbox } from '../support/sandbox.ts';
import { describeWith } from '../support/tools.ts';
import { contentHere, leftovers } from './interrupt.ts';

const FOLDERS = 8;
const FILES = 40;

describeWith(['git-annex'], 'at the same time', () => {
  const sandbox = createSandbox();
  const made = sandbox.path('made');
  const store = sandbox.path('store');

  beforeAll(async () => {
    await sandbox.dstoreOk(['create', made]);
    for (let folder = 0; folder < FOLDERS; folder++) {
      mkdirSync(join(made, `folder ${folder}`));
      for (let file = 0; file < FILES; file++) writeFileSync(join(made, `folder ${folder}`, `${file}.dat`), `${folder} ${file}`);
    }
    await sandbox.dstoreOk(['save', '-m', 'content'], { cwd: made });
    await sandbox.dstoreOk(['store', 'init', store]);
    await sandbox.dstoreOk(['push', '--to', store, '--alias', 'data'], { cwd: made });
  });

  async function expectTrueLog(clone: string): Promise<void> {
    const uuid = (await sandbox.git(clone, 'config', 'annex.uuid')).trim();
    const copies = await annexCopies(sandbox, clone);
    expect([...copies.values()].filter((uuids) => uuids.includes(uuid)).length).toBe(contentHere(clone));
  }

  it('eight processes get, drop and save in one clone', async () => {
    const clone = sandbox.path('one-clone');
    await sandbox.dstoreOk(['clone', `${store}#~data`, clone]);
    const repeat = async (times: number, args: (time: number) => string[]): Promise<void> => {
      for (let time = 0; time < times; time++) await sandbox.dstoreOk(args(time), { cwd: clone });
    };
    const save = (who: string) => async (): Promise<void> => {
      for (let time = 0; time < 3; time++) {
        const file = `new ${who} ${time}.dat`;
        writeFileSync(join(clone, file), file);
        await sandbox.dstoreOk(['save', '-m', file, file], { cwd: clone });
      }
    };
    await Promise.all([
      repeat(3, () => ['get', 'folder 0']), repeat(3, () => ['get', 'folder 1', 'folder 2']), repeat(3, (time) => (time % 2 === 0 ? ['get', 'folder 3'] : ['drop', 'folder 3'])),
      repeat(3, (time) => (time % 2 === 0 ? ['drop', 'folder 4'] : ['get', 'folder 4'])), repeat(3, () => ['get', 'folder 1']),
      save('a')(), save('b')(), save('c')(),
    ]);
    for (const who of ['a', 'b', 'c']) for (let time = 0; time < 3; time++) expect(await sandbox.git(clone, 'cat-file', '-t', `HEAD:new ${who} ${time}.dat`)).toBe('blob\n');
    expect(leftovers(clone)).toEqual([]);
    await expectTrueLog(clone);
    await checkClean(sandbox, clone);
  });

  it('dstore and git-annex get, drop, add and save in one clone', async () => {
    const clone = sandbox.path('mixed');
    await sandbox.dstoreOk(['clone', `${store}#~data`, clone]);
    const annex = async (...args: string[]): Promise<void> => void (await sandbox.annex(clone, ...args));
    const both: Promise<unknown>[] = [];
    both.push((async () => {
      for (let time = 0; time < 3; time++) {
        await sandbox.dstoreOk(['get', 'folder 0', 'folder 1'], { cwd: clone });
        await sandbox.dstoreOk(['drop', 'folder 1'], { cwd: clone });
        writeFileSync(join(clone, `mine ${time}.dat`), `mine ${time}`);
        await sandbox.dstoreOk(['save', '-m', 'mine', `mine ${time}.dat`], { cwd: clone });
      }
    })());
    both.push((async () => {
      for (let time = 0; time < 6; time++) {
        await annex('setpresentkey', `XSHA256-s1--${time}`, `00000000-0000-0000-0000-00000000000${time}`, '1');
        await annex('fsck', '--fast', '--quiet', 'folder 0');
        await annex('merge', '--quiet');
      }
    })());
    await Promise.all(both);
    expect(contentHere(clone)).toBe(FILES + 3);
    for (let time = 0; time < 6; time++) expect(await sandbox.annex(clone, 'whereis', '--key', `XSHA256-s1--${time}`)).toContain(`00000000000${time}`);
    await expectTrueLog(clone);
    await checkClean(sandbox, clone);
  });

  it('eight clones push to one dataset: every location line arrives', async () => {
    const clones = Array.from({ length: FOLDERS }, (_, index) => sandbox.path(`pusher-${index}`));
    for (const [index, clone] of clones.entries()) {
      await sandbox.dstoreOk(['clone', `${store}#~data`, clone]);
      await sandbox.dstoreOk(['get', `folder ${index}`], { cwd: clone });
    }
    await Promise.all(clones.map((clone) => sandbox.dstoreOk(['push'], { cwd: clone })));
    const reader = sandbox.path('reader');
    await sandbox.dstoreOk(['clone', `${store}#~data`, reader]);
    const copies = await annexCopies(sandbox, reader);
    for (const [index, clone] of clones.entries()) {
      const uuid = (await sandbox.git(clone, 'config', 'annex.uuid')).trim();
      expect([...copies].filter(([, uuids]) => uuids.includes(uuid)).map(([path]) => path).every((path) => path.startsWith(`folder ${index}/`))).toBe(true);
      expect([...copies].filter(([, uuids]) => uuids.includes(uuid)).length).toBe(FILES);
    }
    await checkClean(sandbox, reader);
  });

  it('eight clones commit and push: each one that is refused updates and gets through', async () => {
    const clones = Array.from({ length: 6 }, (_, index) => sandbox.path(`committer-${index}`));
    for (const [index, clone] of clones.entries()) {
      await sandbox.dstoreOk(['clone', `${store}#~data`, clone]);
      writeFileSync(join(clone, `from ${index}.dat`), `from ${index}`);
      await sandbox.dstoreOk(['save', '-m', `from ${index}`], { cwd: clone });
    }
    await Promise.all(clones.map(async (clone) => {
      for (let attempt = 0; ; attempt++) {
        const result = await sandbox.dstore(['push'], { cwd: clone });
        if (result.status === 0) return;
        expect(result.stdout + result.stderr).toContain('DSTORE_E_PUSH_REJECTED');
        expect(attempt).toBeLessThan(15);
        await sandbox.dstoreOk(['update'], { cwd: clone });
      }
    }));
    const reader = sandbox.path('commit-reader');
    await sandbox.dstoreOk(['clone', `${store}#~data`, reader]);
    for (const index of clones.keys()) await sandbox.dstoreOk(['get', `from ${index}.dat`], { cwd: reader });
    await checkClean(sandbox, reader);
  });

  it('waits while git holds the index for a moment', async () => {
    const clone = sandbox.path('contended');
    await sandbox.dstoreOk(['clone', `${store}#~data`, clone]);
    writeFileSync(join(clone, 'new.dat'), 'new');
    const lock = join(clone, '.git/index.lock');
    writeFileSync(lock, '');
    const saving = sandbox.dstore(['save', '-m', 'new'], { cwd: clone });
    // The program needs a moment to get to the index.
    setTimeout(() => rmSync(lock), 900);
    const result = await saving;
    expect(result.status, result.stdout).toBe(0);
    expect(existsSync(lock)).toBe(false);
    await checkClean(sandbox, clone);
  });
});
