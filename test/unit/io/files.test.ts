import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { quietOp } from '../../../src/core/op.ts';
import { compareText } from './helpers.ts';
import { annexClock, randomName, randomUuid } from '../../../src/io/clock.ts';
import { makeDirectory, syncFileSystem, writeFileAtomic } from '../../../src/io/durable.ts';
import { takeLockFile } from '../../../src/io/lock-file.ts';
import { findProgram, runProcess } from '../../../src/io/subprocess.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dstore-io-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('clock', () => {
  it('writes times that git-annex reads, each later than the one before', () => {
    const times = Array.from({ length: 200 }, () => annexClock());
    for (const time of times) expect(time).toMatch(/^\d{10}(\.\d{0,5}[1-9])?s$/);
    for (let i = 1; i < times.length; i++) expect(compareText(times[i - 1] ?? '', times[i] ?? '')).toBeLessThan(0);
  });

  it('honours GIT_ANNEX_VECTOR_CLOCK', () => {
    process.env['GIT_ANNEX_VECTOR_CLOCK'] = '1700000000.50';
    try {
      expect(annexClock()).toBe('1700000000.5s');
      process.env['GIT_ANNEX_VECTOR_CLOCK'] = '1';
      expect(annexClock()).toBe('1s');
      process.env['GIT_ANNEX_VECTOR_CLOCK'] = 'noon';
      expect(annexClock()).toMatch(/^\d{10}/);
    } finally {
      delete process.env['GIT_ANNEX_VECTOR_CLOCK'];
    }
  });

  it('makes names and UUIDs that differ', () => {
    expect(randomUuid()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(randomName()).not.toBe(randomName());
  });
});

describe('lock files', () => {
  it('excludes git and is excluded by git', () => {
    execFileSync('git', ['init', '-q', folder]);
    const config = join(folder, '.git/config');
    const lock = takeLockFile(config);
    expect(() => execFileSync('git', ['-C', folder, 'config', 'a.b', 'c'], { stdio: 'pipe' })).toThrow(/could not lock config file/);
    lock.write(readFileSync(config));
    lock.write('[x]\n\ty = z\n');
    lock.commit();
    expect(execFileSync('git', ['-C', folder, 'config', 'x.y'], { encoding: 'utf8' })).toBe('z\n');
    writeFileSync(`${config}.lock`, '');
    expect(() => takeLockFile(config, { waitMilliseconds: 20 })).toThrow(expect.objectContaining({ code: 'LOCKED', hint: expect.stringContaining(`${config}.lock`) }));
  });

  it('leaves the file alone after a rollback and lets the next one in', () => {
    const path = join(folder, 'f');
    writeFileSync(path, 'old');
    const lock = takeLockFile(path);
    lock.write('new');
    lock.rollback();
    lock.rollback();
    expect(readFileSync(path, 'utf8')).toBe('old');
    const second = takeLockFile(path, { mode: 0o640 });
    second.write('newer');
    second.commit();
    second.rollback();
    expect(readFileSync(path, 'utf8')).toBe('newer');
    expect(statSync(path).mode & 0o777).toBe(0o640);
    expect(readdirSync(folder)).toEqual(['f']);
  });

  it('replaces the file behind a symbolic link', () => {
    mkdirSync(join(folder, 'elsewhere'));
    writeFileSync(join(folder, 'elsewhere/f'), 'old');
    symlinkSync('elsewhere/f', join(folder, 'f'));
    const lock = takeLockFile(join(folder, 'f'));
    lock.write('new');
    lock.commit();
    expect(lstatSync(join(folder, 'f')).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(folder, 'elsewhere/f'), 'utf8')).toBe('new');
  });
});

describe('durable writes', () => {
  it('replaces a file as a whole and leaves nothing else', () => {
    const path = join(folder, 'f');
    writeFileAtomic(path, 'one');
    writeFileAtomic(path, Buffer.from('two'), { mode: 0o600 });
    expect(readFileSync(path, 'utf8')).toBe('two');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['f']);
  });

  it('keeps the old content when the new cannot be put in place', () => {
    mkdirSync(join(folder, 'd/below'), { recursive: true });
    expect(() => writeFileAtomic(join(folder, 'd'), 'x')).toThrow(expect.objectContaining({ code: 'IO' }));
    expect(() => writeFileAtomic(join(folder, 'none/f'), 'x')).toThrow(/cannot write .*none\/f/);
    expect(readdirSync(folder)).toEqual(['d']);
  });

  it('syncs a file system, and says so when it cannot', async () => {
    await syncFileSystem(folder);
    await expect(syncFileSystem(join(folder, 'none'))).rejects.toMatchObject({ code: 'IO' });
  });

  it.each(['group', 'all'] as const)('creates %s-shared directories with the modes git gives them', (shared) => {
    execFileSync('git', ['init', '-q', '--bare', `--shared=${shared}`, join(folder, 'git')]);
    makeDirectory(join(folder, 'ours/sub/deep'), shared);
    const expected = statSync(join(folder, 'git/objects')).mode;
    for (const path of ['ours', 'ours/sub', 'ours/sub/deep']) expect(statSync(join(folder, path)).mode.toString(8)).toBe(expected.toString(8));
    makeDirectory(join(folder, 'ours/sub'), shared);
    chmodSync(join(folder, 'ours'), 0o700);
    makeDirectory(join(folder, 'ours'), shared);
    expect(statSync(join(folder, 'ours')).mode & 0o7777).toBe(0o700);
  });

  it('refuses to create a directory through a file', () => {
    writeFileSync(join(folder, 'f'), '');
    expect(() => makeDirectory(join(folder, 'f/sub'), 'group')).toThrow(expect.objectContaining({ code: 'IO' }));
    expect(() => makeDirectory(join(folder, 'f'), 'group')).toThrow(expect.objectContaining({ code: 'IO' }));
  });
});

describe('subprocesses', () => {
  it('passes input and collects output, status and standard error', async () => {
    const input = Buffer.alloc(3_000_000, 'x');
    const result = await runProcess('sh', ['-c', 'cat; echo oops >&2; echo "$A-$HOME" >&2; exit 3'], {
      op: quietOp(), input, cwd: folder, env: { A: '1', HOME: undefined },
    });
    expect(result.status).toBe(3);
    expect(result.stdout.equals(input)).toBe(true);
    expect(result.stderr).toBe('oops\n1-\n');
  });

  it('is not disturbed by a program that ignores its input', async () => {
    const result = await runProcess('true', [], { op: quietOp(), input: Buffer.alloc(3_000_000) });
    expect(result.status).toBe(0);
  });

  it('tells a missing program from a missing directory', async () => {
    await expect(runProcess('no-such-program-here', [], { op: quietOp() })).rejects.toMatchObject({ code: 'TOOL_MISSING' });
    await expect(runProcess('true', [], { op: quietOp(), cwd: join(folder, 'none') })).rejects.toMatchObject({ code: 'IO' });
  });

  it('ends the program on abort before it returns', async () => {
    const controller = new AbortController();
    const running = runProcess('sh', ['-c', `trap 'sleep 0.2; echo done > ${folder}/ended; exit' TERM; while :; do sleep 0.05; done`], {
      op: { signal: controller.signal, emit: () => {} },
    });
    setTimeout(() => controller.abort(), 150);
    await expect(running).rejects.toMatchObject({ code: 'ABORTED' });
    expect(existsSync(join(folder, 'ended'))).toBe(true);
  });

  it('finds programs on the PATH only', () => {
    expect(findProgram('sh')).toMatch(/\/sh$/);
    expect(findProgram('no-such-program-here')).toBeUndefined();
    const before = process.env['PATH'];
    process.env['PATH'] = folder;
    try {
      expect(findProgram('sh')).toBeUndefined();
      writeFileSync(join(folder, 'sh'), '', { mode: 0o644 });
      process.env['PATH'] = `${folder}:`;
      expect(findProgram('sh')).toBeUndefined();
    } finally {
      process.env['PATH'] = before;
    }
  });

  it('leaves no lock file behind when the process exits while holding one', async () => {
    const script = `import { takeLockFile } from '../../../src/io/lock-file.ts';
      takeLockFile(${JSON.stringify(join(folder, 'f'))}); process.exit(0);`;
    const { bundleForNode } = await import('./helpers.ts');
    const child = spawn(process.execPath, [await bundleForNode(script, folder)], { stdio: 'inherit' });
    const status = await new Promise((done) => child.on('close', done));
    expect(status).toBe(0);
    expect(existsSync(join(folder, 'f.lock'))).toBe(false);
  });
});
