import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { appendFileSync, chmodSync, existsSync, linkSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { quietOp } from '../../../src/core/op.ts';
import type { DStoreEvent } from '../../../src/core/records.ts';
import { openAnnexLocks } from '../../../src/io/annex-locks.ts';
import { fileLock, tryFileLock } from '../../../src/io/file-lock.ts';
import { setDescriptorLock } from '../../../src/io/native.ts';
import { pidLockVariable, sideLockPath } from '../../../src/io/pid-lock.ts';
import { findProgram } from '../../../src/io/subprocess.ts';
import { bundleForNode } from './helpers.ts';

const noAnnex = findProgram('git-annex') === undefined;
const isRoot = process.getuid?.() === 0;
const OTHER = '6b1a8f6e-0000-4000-8000-00000000000';

let folder: string;
let children: ChildProcess[] = [];
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'dstore-lock-')));
});
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children = [];
  execFileSync('chmod', ['-R', 'u+w', folder]);
  rmSync(folder, { recursive: true, force: true });
});

interface Running { readonly child: ChildProcess; readonly ended: Promise<{ status: number | null; output: string }>; output(): string; running(): boolean }

function start(command: string, args: readonly string[], env: Record<string, string> = {}): Running {
  const child = spawn(command, args, { env: { ...process.env, ...env } });
  children.push(child);
  let output = '';
  let running = true;
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString();
  });
  child.stderr.on('data', (data: Buffer) => {
    output += data.toString();
  });
  const ended = new Promise<{ status: number | null; output: string }>((done) => child.on('close', (status) => {
    running = false;
    done({ status, output });
  }));
  return { child, ended, output: () => output, running: () => running };
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 1500; i++) {
    if (condition()) return;
    await new Promise((done) => setTimeout(done, 10));
  }
  throw new Error(`waited in vain until ${what}`);
}

/** The kernel lists who waits for a lock of a file with an arrow. */
function someoneWaitsFor(path: string): boolean {
  const inode = `:${statSync(path).ino} `;
  return readFileSync('/proc/locks', 'utf8').split('\n').some((line) => line.includes('->') && line.includes(inode));
}

/** A repository of git-annex with one annexed file `a`. */
function makeAnnex(): { path: string; annex: string; key: string; object: string; git: (...args: string[]) => string } {
  const path = join(folder, 'repo');
  const git = (...args: string[]): string => execFileSync('git', ['-C', path, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  execFileSync('git', ['init', '-q', path]);
  git('config', 'user.name', 'T');
  git('config', 'user.email', 't@example.org');
  git('annex', 'init', '-q', 'here');
  writeFileSync(join(path, 'a'), 'content of a\n');
  git('annex', 'add', '-q', 'a');
  git('commit', '-q', '-m', 'a');
  const key = git('annex', 'lookupkey', 'a').trim();
  return { path, annex: join(path, '.git/annex'), key, object: join(path, git('annex', 'contentlocation', key).trim()), git };
}

/** git-annex itself holds the content, until it is told UNLOCKCONTENT. */
async function holdByAnnex(path: string, key: string): Promise<Running> {
  const uuid = execFileSync('git', ['-C', path, 'config', 'annex.uuid'], { encoding: 'utf8' }).trim();
  const holder = start('git-annex-shell', ['p2pstdio', path, uuid]);
  holder.child.stdin?.write(`VERSION 1\nLOCKCONTENT ${key}\n`);
  await until(() => /^SUCCESS$/m.test(holder.output()), 'git-annex holds it');
  return holder;
}

describe('file locks', () => {
  it('excludes and shares within the process', () => {
    const path = join(folder, 'l');
    const shared = tryFileLock(path, 'shared');
    const second = tryFileLock(path, 'shared');
    expect(shared && second).toBeDefined();
    expect(tryFileLock(path, 'exclusive')).toBeUndefined();
    shared?.release();
    shared?.release();
    expect(tryFileLock(path, 'exclusive')).toBeUndefined();
    second?.release();
    const exclusive = tryFileLock(path, 'exclusive');
    expect(exclusive).toBeDefined();
    expect(tryFileLock(path, 'shared')).toBeUndefined();
    exclusive?.release();
    expect(tryFileLock(path, 'shared')).toBeDefined();
  });

  it('knows a held file by another of its names, and does not lose the lock by looking', async () => {
    const path = join(folder, 'l');
    const held = tryFileLock(path, 'exclusive');
    linkSync(path, join(folder, 'm'));
    expect(tryFileLock(join(folder, 'm'), 'exclusive')).toBeUndefined();
    readFileSync(path);
    const script = await bundleForNode(`import { tryFileLock } from '../../../src/io/file-lock.ts';
      console.log(tryFileLock(${JSON.stringify(path)}, 'shared') === undefined ? 'excluded' : 'taken');`, folder);
    expect(execFileSync(process.execPath, [script], { encoding: 'utf8' })).toBe('excluded\n');
    held?.release();
    expect(execFileSync(process.execPath, [script], { encoding: 'utf8' })).toBe('taken\n');
    const again = tryFileLock(join(folder, 'm'), 'exclusive');
    expect(again).toBeDefined();
    again?.release();
  });

  it('lets one of many racing processes in at a time, also while the lock file is deleted between', async () => {
    const path = join(folder, 'l');
    const counter = join(folder, 'counter');
    writeFileSync(counter, '0');
    const script = await bundleForNode(`import { fileLock } from '../../../src/io/file-lock.ts';
      import { quietOp } from '../../../src/core/op.ts';
      import { readFileSync, writeFileSync } from 'node:fs';
      for (let i = 0; i < 100; i++) {
        const lock = await fileLock(${JSON.stringify(path)}, 'exclusive', quietOp());
        writeFileSync(${JSON.stringify(counter)}, String(Number(readFileSync(${JSON.stringify(counter)}, 'utf8')) + 1));
        lock.release(i % 2 === 0);
      }`, folder);
    const results = await Promise.all([1, 2, 3, 4].map(() => start(process.execPath, [script]).ended));
    expect(results.map(({ status }) => status)).toEqual([0, 0, 0, 0]);
    expect(readFileSync(counter, 'utf8')).toBe('400');
  });

  it('reports that it waits, gives up after the time with a hint, and stops when interrupted', async () => {
    const path = join(folder, 'l');
    const held = tryFileLock(path, 'exclusive');
    const events: DStoreEvent[] = [];
    const op = { signal: new AbortController().signal, emit: (event: DStoreEvent) => void events.push(event) };
    await expect(fileLock(path, 'shared', op, { timeoutMilliseconds: 400, what: 'the thing' })).rejects.toMatchObject({
      code: 'LOCKED', message: expect.stringContaining('the thing'), hint: expect.stringContaining(path),
    });
    expect(events).toEqual([{ type: 'waiting', what: expect.stringContaining('the thing') }]);
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 30);
    await expect(fileLock(path, 'shared', { signal: controller.signal, emit: () => {} })).rejects.toMatchObject({ code: 'ABORTED' });
    const waiting = fileLock(path, 'exclusive', quietOp());
    held?.release();
    (await waiting).release();
  });

  it.skipIf(findProgram('python3') === undefined)('names the process that holds a lock of the classic kind', async () => {
    const path = join(folder, 'l');
    writeFileSync(path, '');
    const holder = start('python3', ['-c', `import fcntl,time; f=open(${JSON.stringify(path)},'r+'); fcntl.lockf(f, fcntl.LOCK_EX); print('held', flush=True); time.sleep(60)`]);
    await until(() => holder.output().includes('held'), 'the lock is held');
    await expect(fileLock(path, 'exclusive', quietOp(), { timeoutMilliseconds: 0 })).rejects.toMatchObject({
      message: expect.stringContaining(`process ${holder.child.pid}`),
    });
  });

  it('gives shared lock files the permissions asked for, whatever the umask', () => {
    const before = process.umask(0o077);
    try {
      tryFileLock(join(folder, 'l'), 'exclusive', { createMode: 0o664 })?.release();
    } finally {
      process.umask(before);
    }
    expect(statSync(join(folder, 'l')).mode & 0o777).toBe(0o664);
  });

  it('tells a missing directory and a bad descriptor from a held lock', () => {
    expect(() => tryFileLock(join(folder, 'none/l'), 'exclusive')).toThrow(expect.objectContaining({ code: 'IO' }));
    expect(() => setDescriptorLock(9999, 'shared')).toThrow(expect.objectContaining({ code: 'LOCK_UNSUPPORTED' }));
  });

  it.skipIf(!isRoot || findProgram('setpriv') === undefined)('takes a shared lock without write access, and reports a denied exclusive one', async () => {
    const path = join(folder, 'l');
    writeFileSync(path, '', { mode: 0o644 });
    chmodSync(folder, 0o755);
    const script = await bundleForNode(`import { tryFileLock } from '../../../src/io/file-lock.ts';
      const path = ${JSON.stringify(path)};
      console.log(tryFileLock(path, 'shared') !== undefined);
      try { tryFileLock(path.replace(/l$/, 'm'), 'exclusive'); } catch (error) { console.log((error as { code: string }).code); }`, folder);
    const result = execFileSync('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, script], { encoding: 'utf8' });
    expect(result).toBe('true\nPERMISSION\n');
  });
});

describe.skipIf(noAnnex)('locks of a git-annex repository', () => {
  it('makes git-annex wait for the journal, which flock does not', async () => {
    const { path, annex, key, git } = makeAnnex();
    const lock = await openAnnexLocks({ annexDirectory: annex, pidLock: false }).journal(quietOp());
    const set = start('git', ['-C', path, 'annex', 'setpresentkey', key, `${OTHER}1`, '1']);
    await until(() => someoneWaitsFor(join(annex, 'journal.lck')), 'git-annex waits');
    writeFileSync(join(path, 'b'), 'b');
    const add = start('git', ['-C', path, 'annex', 'add', 'b']);
    expect(set.running()).toBe(true);
    lock.release();
    expect((await set.ended).status).toBe(0);
    expect((await add.ended).status).toBe(0);
    expect(git('annex', 'whereis', '--json', 'a')).toContain(`${OTHER}1`);
    const flock = start('flock', [join(annex, 'journal.lck'), 'sleep', '60']);
    await until(() => readFileSync('/proc/locks', 'utf8').includes(`FLOCK`), 'flock holds it');
    expect((await start('git', ['-C', path, 'annex', 'setpresentkey', key, `${OTHER}2`, '1']).ended).status).toBe(0);
    flock.child.kill();
  }, 60_000);

  it('changes the journal in turns with git-annex without losing a line', async () => {
    const { path, annex, key, git } = makeAnnex();
    git('annex', 'setpresentkey', key, `${OTHER}9`, '1');
    const [journalName] = readdirSync(join(annex, 'journal'));
    const file = join(annex, 'journal', journalName ?? '');
    const uuid = (who: string, i: number): string => `0000000${who}-0000-4000-8000-${String(i).padStart(12, '0')}`;
    const theirs = Array.from({ length: 80 }, (_, i) => uuid('a', i));
    const ours = Array.from({ length: 80 }, (_, i) => uuid('b', i));
    const batch = start('git', ['-C', path, 'annex', 'setpresentkey', '--batch']);
    const locks = openAnnexLocks({ annexDirectory: annex, pidLock: false });
    const feeding = (async () => {
      for (const id of theirs) {
        batch.child.stdin?.write(`${key} ${id} 1\n`);
        await new Promise((done) => setTimeout(done, 2));
      }
      batch.child.stdin?.end();
    })();
    for (const id of ours) {
      const lock = await locks.journal(quietOp());
      const branch = journalName?.replaceAll('__', '\0').replaceAll('_', '/').replaceAll('\0', '_') ?? '';
      if (!existsSync(file)) writeFileSync(file, git('show', `git-annex:${branch}`));
      appendFileSync(file, `1700000000s 1 ${id}\n`);
      lock.release();
    }
    await feeding;
    expect((await batch.ended).status).toBe(0);
    git('annex', 'merge', '-q');
    const whereis = git('annex', 'whereis', '--json', 'a');
    for (const id of [...theirs, ...ours]) expect(whereis).toContain(id);
  }, 60_000);

  it('keeps git-annex from dropping content that is held, even by force', () => {
    const { annex, object, git } = makeAnnex();
    const locks = openAnnexLocks({ annexDirectory: annex, pidLock: false });
    const held = locks.tryContent(object, 'shared');
    const second = locks.tryContent(object, 'shared');
    expect(locks.tryContent(object, 'exclusive')).toBeUndefined();
    expect(() => git('annex', 'drop', '--force', 'a')).toThrow();
    expect(existsSync(object)).toBe(true);
    second?.release();
    held?.release();
    expect(readdirSync(dirname(object))).toHaveLength(1);
    expect(statSync(dirname(object)).mode & 0o777).toBe(0o555);
    git('annex', 'drop', '--force', 'a');
    expect(existsSync(object)).toBe(false);
    expect(locks.tryContent(object, 'exclusive')).toBeUndefined();
  }, 60_000);

  it('does not take content that git-annex holds, and cleans up after a removal', async () => {
    const { annex, object, path, key } = makeAnnex();
    const holder = await holdByAnnex(path, key);
    const locks = openAnnexLocks({ annexDirectory: annex, pidLock: false });
    expect(locks.tryContent(object, 'exclusive')).toBeUndefined();
    locks.tryContent(object, 'shared')?.release();
    // The shared lock of git-annex keeps the lock file from being deleted under it.
    expect(existsSync(`${object}.lck`)).toBe(true);
    holder.child.stdin?.end('UNLOCKCONTENT\n');
    await holder.ended;
    const lock = locks.tryContent(object, 'exclusive');
    expect(lock).toBeDefined();
    chmodSync(dirname(object), 0o755);
    rmSync(object);
    lock?.release();
    expect(readdirSync(join(annex, 'objects'))).toEqual([]);
  }, 60_000);

  it.skipIf(!isRoot || findProgram('setpriv') === undefined)('locks content in a read-only object directory as an ordinary user', async () => {
    const object = join(folder, 'objects/aa/bb/F/F');
    mkdirSync(dirname(object), { recursive: true });
    writeFileSync(object, 'x', { mode: 0o444 });
    chmodSync(dirname(object), 0o555);
    const script = await bundleForNode(`import { openAnnexLocks } from '../../../src/io/annex-locks.ts';
      import { statSync, readdirSync } from 'node:fs';
      const locks = openAnnexLocks({ annexDirectory: ${JSON.stringify(folder)}, pidLock: false });
      const lock = locks.tryContent(${JSON.stringify(object)}, 'exclusive');
      const during = readdirSync(${JSON.stringify(dirname(object))}).join();
      lock.release();
      console.log(during, readdirSync(${JSON.stringify(dirname(object))}).join(), (statSync(${JSON.stringify(dirname(object))}).mode & 0o777).toString(8));`, folder);
    execFileSync('chown', ['-R', '65534:65534', folder]);
    const result = execFileSync('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, script], { encoding: 'utf8' });
    expect(result).toBe('F,F.lck F 555\n');
  });
});

describe.skipIf(noAnnex)('pid locks', () => {
  const pidLocked = (annex: string, pidLockTimeoutSeconds = 60): ReturnType<typeof openAnnexLocks> => openAnnexLocks({ annexDirectory: annex, pidLock: true, pidLockTimeoutSeconds });

  it('makes git-annex wait, and lets our own children work', async () => {
    const repo = makeAnnex();
    repo.git('config', 'annex.pidlock', 'true');
    const locks = pidLocked(repo.annex);
    const lock = await locks.journal(quietOp());
    const content = locks.tryContent(repo.object, 'exclusive');
    expect(content).toBeDefined();
    expect(locks.tryContent(repo.object, 'shared')).toBeUndefined();
    expect(readFileSync(join(repo.annex, 'pidlock'), 'utf8')).toBe(`PidLock {lockingPid = ${process.pid}, lockingHost = "${hostname()}"}`);
    expect(statSync(join(repo.annex, 'pidlock')).mode & 0o777).toBe(0o444);
    repo.git('annex', 'setpresentkey', repo.key, `${OTHER}1`, '1');
    const variable = pidLockVariable(join(repo.annex, 'pidlock'));
    const other = start('env', ['-u', variable, 'git', '-C', repo.path, 'annex', 'setpresentkey', repo.key, `${OTHER}2`, '1']);
    await until(() => other.output().includes('waiting for pid lock'), 'git-annex waits');
    lock.release();
    expect(existsSync(join(repo.annex, 'pidlock'))).toBe(true);
    expect(other.running()).toBe(true);
    content?.release();
    expect((await other.ended).status).toBe(0);
    expect(existsSync(join(repo.annex, 'pidlock'))).toBe(false);
    expect(existsSync(sideLockPath(join(repo.annex, 'pidlock')))).toBe(false);
    expect(process.env[variable]).toBeUndefined();
    const whereis = repo.git('annex', 'whereis', '--json', 'a');
    expect(whereis).toContain(`${OTHER}1`);
    expect(whereis).toContain(`${OTHER}2`);
  }, 60_000);

  it('waits while git-annex has it', async () => {
    const repo = makeAnnex();
    repo.git('config', 'annex.pidlock', 'true');
    const holder = await holdByAnnex(repo.path, repo.key);
    const locks = pidLocked(repo.annex, 0);
    expect(locks.tryContent(repo.object, 'shared')).toBeUndefined();
    await expect(locks.journal(quietOp())).rejects.toMatchObject({ code: 'LOCKED', message: expect.stringContaining(hostname()) });
    const waiting = pidLocked(repo.annex).journal(quietOp());
    holder.child.stdin?.end('UNLOCKCONTENT\n');
    await holder.ended;
    (await waiting).release();
    expect(readdirSync(repo.annex).filter((name) => /locktmp|pidlock/.test(name))).toEqual([]);
  }, 60_000);

  it('replaces what a crashed process of this host left, and respects another host', async () => {
    const repo = makeAnnex();
    const path = join(repo.annex, 'pidlock');
    writeFileSync(path, `PidLock {lockingPid = 1, lockingHost = "${hostname()}"}`, { mode: 0o444 });
    const lock = await pidLocked(repo.annex, 0).journal(quietOp());
    expect(readFileSync(path, 'utf8')).toContain(String(process.pid));
    lock.release();
    writeFileSync(path, 'PidLock {lockingPid = 1, lockingHost = "elsewhere.invalid"}', { mode: 0o444 });
    await expect(pidLocked(repo.annex, 0).journal(quietOp())).rejects.toMatchObject({ code: 'LOCKED', message: expect.stringContaining('elsewhere.invalid') });
    expect(existsSync(path)).toBe(true);
  }, 60_000);

  it('is given back when the process ends without releasing it', async () => {
    const annex = join(folder, 'annex');
    mkdirSync(annex);
    const script = await bundleForNode(`import { openAnnexLocks } from '../../../src/io/annex-locks.ts';
      import { quietOp } from '../../../src/core/op.ts';
      await openAnnexLocks({ annexDirectory: ${JSON.stringify(annex)}, pidLock: true }).journal(quietOp());
      process.exit(0);`, folder);
    expect((await start(process.execPath, [script]).ended).status).toBe(0);
    expect(readdirSync(annex)).toEqual([]);
  });

  it('names the side lock as git-annex does', () => {
    expect(sideLockPath('/a/pidlock')).toMatch(/\/a_pidlock\.lck$/);
    // md5 of home_someone_data_set_.git_annex_pidlock, then its last 32 characters.
    expect(sideLockPath('/home/someone/data/set/.git/annex/pidlock')).toMatch(/\/f3c8770e7b526f3bef589020bf668755eone_data_set_\.git_annex_pidlock\.lck$/);
  });
});
