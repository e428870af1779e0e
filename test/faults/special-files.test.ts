// Files that are no plain files, names that are no plain names, and files that change under the program's hands.
import { chmodSync, lstatSync, mkdirSync, readFileSync, readdirSync, readlinkSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { checkClean } from '../support/check-clean.ts';
import { HARDEST_FILES, snapshot, writeHardFiles } from '../support/fixtures.ts';
import { createSandbox } from '../support/sandbox.ts';
import { describeWith } from '../support/tools.ts';

describeWith(['git-annex'], 'special files', () => {
  const sandbox = createSandbox();
  const store = sandbox.path('store');
  let counter = 0;

  beforeAll(async () => void (await sandbox.dstoreOk(['store', 'init', store])));

  async function dataset(files: Readonly<Record<string, string>> = {}): Promise<string> {
    const path = sandbox.path(`dataset-${counter++}`);
    await sandbox.dstoreOk(['create', path]);
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(join(path, name, '..'), { recursive: true });
      writeFileSync(join(path, name), content);
    }
    if (Object.keys(files).length > 0) await sandbox.dstoreOk(['save', '-m', 'content'], { cwd: path });
    return path;
  }

  const mode = async (path: string, file: string): Promise<string> => (await sandbox.git(path, 'ls-files', '-s', '--', file)).slice(0, 6);

  it('hard names go through save, push, clone, get, unlock, lock and drop', async () => {
    const made = await dataset();
    writeHardFiles(made, HARDEST_FILES);
    await sandbox.dstoreOk(['save', '-m', 'hard'], { cwd: made });
    await sandbox.dstoreOk(['push', '--to', store, '--alias', 'hard'], { cwd: made });
    const clone = sandbox.path('hard');
    await sandbox.dstoreOk(['clone', `${store}#~hard`, clone]);
    await sandbox.dstoreOk(['get'], { cwd: clone });
    for (const [name, content] of Object.entries(HARDEST_FILES)) expect(readFileSync(join(clone, name), 'utf8')).toBe(content);
    const annexed = Object.keys(HARDEST_FILES).filter((name) => lstatSync(join(clone, name)).isSymbolicLink());
    await sandbox.dstoreOk(['unlock', '--', ...annexed.map((name) => `./${name}`)], { cwd: clone });
    expect(annexed.filter((name) => lstatSync(join(clone, name)).isSymbolicLink())).toEqual([]);
    await sandbox.dstoreOk(['lock'], { cwd: clone });
    expect(await sandbox.git(clone, 'status', '--porcelain')).toBe('');
    await sandbox.dstoreOk(['drop'], { cwd: clone });
    await checkClean(sandbox, clone, { datalad: false });
  });

  it('links that are not annexed stay as they are; pipes and sockets are left out', async () => {
    const path = await dataset();
    const links = { dangling: 'nowhere at all', absolute: '/etc', up: '../..', folder: 'real', file: 'real/file' };
    mkdirSync(join(path, 'real'));
    writeFileSync(join(path, 'real/file'), 'x');
    for (const [name, target] of Object.entries(links)) symlinkSync(target, join(path, name));
    await sandbox.ok('mkfifo', [join(path, 'pipe')]);
    await sandbox.dstoreOk(['save', '-m', 'links'], { cwd: path });
    for (const [name, target] of Object.entries(links)) expect(readlinkSync(join(path, name))).toBe(target);
    expect(lstatSync(join(path, 'pipe')).isFIFO()).toBe(true);
    expect(await sandbox.git(path, 'ls-files')).not.toContain('pipe');
    await checkClean(sandbox, path);
  });

  it('executable bits stay through unlock, edit and save, and through annex.addunlocked, push, drop and get', async () => {
    const path = await dataset();
    for (const name of ['tool.sh', 'other.sh']) {
      writeFileSync(join(path, name), `#!/bin/sh\necho ${name}\n`);
      chmodSync(join(path, name), 0o755);
    }
    await sandbox.dstoreOk(['save', '-m', 'tool', 'tool.sh'], { cwd: path });
    await sandbox.dstoreOk(['unlock', 'tool.sh'], { cwd: path });
    expect([await mode(path, 'tool.sh'), statSync(join(path, 'tool.sh')).mode & 0o777]).toEqual(['100755', 0o755]);
    writeFileSync(join(path, 'tool.sh'), '#!/bin/sh\necho changed\n');
    await sandbox.dstoreOk(['save', '-m', 'edited', 'tool.sh'], { cwd: path });
    expect(statSync(join(path, 'tool.sh')).mode & 0o111).toBe(0o111);
    await sandbox.git(path, 'config', 'annex.addunlocked', 'true');
    await sandbox.dstoreOk(['save', '-m', 'unlocked'], { cwd: path });
    expect(await mode(path, 'other.sh')).toBe('100755');
    await sandbox.dstoreOk(['push', '--to', store, '--alias', 'tools'], { cwd: path });
    for (const command of ['drop', 'get']) {
      await sandbox.dstoreOk([command, 'other.sh'], { cwd: path });
      expect(statSync(join(path, 'other.sh')).mode & 0o777).toBe(0o755);
      expect(await sandbox.git(path, 'status', '--porcelain')).toBe('');
    }
    await checkClean(sandbox, path);
  });

  it('a file that grows while it is saved is refused, the others are saved', async () => {
    const path = await dataset();
    writeFileSync(join(path, 'steady.dat'), 'steady');
    const writer = sandbox.run('sh', ['-c', 'i=0; while [ $i -lt 400 ]; do echo line >> growing.log; sleep 0.005; i=$((i+1)); done'], { cwd: path });
    await new Promise((resolve) => setTimeout(resolve, 100));
    writeFileSync(join(path, 'big.dat'), Buffer.alloc(80 << 20, 1));
    const result = await sandbox.dstore(['save', '-m', 'growing'], { cwd: path });
    await writer;
    expect([0, 3]).toContain(result.status);
    for (const record of result.records) if (record.status === 'error') expect(record).toMatchObject({ path: 'growing.log', error: { code: 'DSTORE_E_CONTENT_CHANGED' } });
    expect(await sandbox.git(path, 'ls-files')).toContain('steady.dat');
    if (result.status === 3) {
      expect(readFileSync(join(path, 'growing.log'), 'utf8').split('\n').length).toBe(401);
      await sandbox.dstoreOk(['save', '-m', 'complete'], { cwd: path });
      await checkClean(sandbox, path);
    }
  });

  it('a file in place of a folder, a folder in place of a file, a link in place of both', async () => {
    const path = await dataset({ 'a/in.dat': '1', b: '2', 'c/deep/in.dat': '3' });
    rmSync(join(path, 'a'), { recursive: true });
    rmSync(join(path, 'b'));
    writeFileSync(join(path, 'a'), 'file');
    mkdirSync(join(path, 'b'));
    writeFileSync(join(path, 'b/in.dat'), 'inside');
    await sandbox.dstoreOk(['save', '-m', 'swapped'], { cwd: path });
    expect((await sandbox.git(path, 'ls-tree', '-r', '--name-only', 'HEAD', 'a', 'b')).trim().split('\n')).toEqual(['a', 'b/in.dat']);
    await checkClean(sandbox, path);
    rmSync(join(path, 'b'), { recursive: true });
    rmSync(join(path, 'c'), { recursive: true });
    symlinkSync('a', join(path, 'b'));
    symlinkSync('/nowhere', join(path, 'c'));
    await sandbox.dstoreOk(['save', '-m', 'links', 'b', 'c'], { cwd: path });
    expect((await sandbox.git(path, 'ls-tree', '-r', '--name-only', 'HEAD', 'a', 'b', 'c')).trim().split('\n')).toEqual(['a', 'b', 'c']);
    await checkClean(sandbox, path);
  });

  it('a tracked folder replaced by a link: nothing behind it is read, filled, emptied or replaced', async () => {
    const path = await dataset({ 'folder/a.dat': 'unlocked', 'folder/b.dat': 'locked' });
    await sandbox.dstoreOk(['unlock', 'folder/a.dat'], { cwd: path });
    await sandbox.git(path, 'commit', '-qm', 'unlocked');
    await sandbox.dstoreOk(['push', '--to', store, '--alias', 'hostile'], { cwd: path });
    await sandbox.dstoreOk(['drop', 'folder'], { cwd: path });
    const outside = sandbox.path('outside');
    // What lies there looks exactly like the dataset's own.
    await sandbox.ok('cp', ['-a', join(path, 'folder'), outside]);
    rmSync(join(path, 'folder'), { recursive: true });
    symlinkSync(outside, join(path, 'folder'));
    const before = snapshot(outside);
    for (const args of [['get'], ['unlock', 'folder/b.dat'], ['lock', 'folder/a.dat'], ['fsck'], ['drop'], ['status'], ['save', '-m', 'x']]) {
      const result = await sandbox.dstore(args, { cwd: path });
      expect(result.stdout + result.stderr, args.join(' ')).not.toContain('INTERNAL');
      expect(snapshot(outside), args.join(' ')).toEqual(before);
    }
    expect((await sandbox.git(path, 'ls-files', 'folder')).trim()).toBe('folder');
  });

  it('a sparse file of 5 GiB is saved as what it is', async () => {
    const path = await dataset();
    writeFileSync(join(path, 'sparse.dat'), 'head');
    truncateSync(join(path, 'sparse.dat'), 5 * 2 ** 30);
    await sandbox.dstoreOk(['save', '-m', 'sparse'], { cwd: path });
    expect(readlinkSync(join(path, 'sparse.dat'))).toContain('SHA256E-s5368709120--');
    expect(statSync(join(path, 'sparse.dat')).size).toBe(5 * 2 ** 30);
    expect(await sandbox.git(path, 'status', '--porcelain')).toBe('');
  });

  it('what git-annex left in its journal is read, and kept by every change', async () => {
    const path = await dataset({ 'a.dat': 'a' });
    const key = (await sandbox.annex(path, 'lookupkey', 'a.dat')).trim();
    const there = '11111111-2222-3333-4444-555555555555';
    await sandbox.git(path, '-c', 'annex.alwayscommit=false', 'annex', 'setpresentkey', key, there, '1');
    expect(readdirSync(join(path, '.git/annex/journal')).length).toBeGreaterThan(0);
    const copies = async (): Promise<string> => JSON.stringify((await sandbox.dstoreOk(['whereis', 'a.dat'], { cwd: path })).records[0]?.details);
    expect(await copies()).toContain(there);
    writeFileSync(join(path, 'b.dat'), 'b');
    await sandbox.dstoreOk(['save', '-m', 'b'], { cwd: path });
    expect(await copies()).toContain(there);
    expect(await sandbox.annex(path, 'whereis', 'a.dat')).toContain(there);
    expect(await sandbox.git(path, 'ls-tree', '-r', '--name-only', 'git-annex')).toContain(`${key}.log`);
    await checkClean(sandbox, path);
  });

  it('damaged content here is found by fsck, set aside, taken off the record and got again', async () => {
    const path = await dataset({ 'a.dat': 'the content of a' });
    await sandbox.dstoreOk(['push', '--to', store, '--alias', 'damaged'], { cwd: path });
    const object = join(path, readlinkSync(join(path, 'a.dat')));
    chmodSync(object, 0o644);
    writeFileSync(object, 'the c0ntent of a');
    const result = await sandbox.dstore(['fsck'], { cwd: path });
    expect(result.status).not.toBe(0);
    expect(result.records[0]?.error).toMatchObject({ code: 'DSTORE_E_CONTENT_CORRUPT', hint: expect.stringContaining('dstore get') as string });
    expect(readdirSync(join(path, '.git/annex/bad')).length).toBe(1);
    const uuid = (await sandbox.git(path, 'config', 'annex.uuid')).trim();
    expect((await sandbox.run('git', ['annex', 'whereis', '--json', 'a.dat'], { cwd: path })).stdout).not.toContain(`"${uuid}"`);
    await sandbox.dstoreOk(['get'], { cwd: path });
    expect(readFileSync(join(path, 'a.dat'), 'utf8')).toBe('the content of a');
    await checkClean(sandbox, path);
  });
});
