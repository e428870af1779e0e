// The main job with git hidden; the real programs judge what came of it.
import { existsSync, mkdirSync, readFileSync, symlinkSync, appendFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { checkClean } from '../support/check-clean.ts';
import { bytes, HARD_FILES, readFiles, writeFiles, writeHardFiles } from '../support/fixtures.ts';
import { createSandbox } from '../support/sandbox.ts';

describe('without the git program', () => {
  const sandbox = createSandbox();
  const made = sandbox.path('made');
  const clone = sandbox.path('clone');
  const store = sandbox.path('store');
  let env: Record<string, string> = {};

  beforeAll(() => {
    // A PATH on which there is nothing but node and a shell.
    const programs = sandbox.path('programs');
    mkdirSync(programs);
    symlinkSync(process.execPath, join(programs, 'node'));
    symlinkSync('/bin/sh', join(programs, 'sh'));
    expect(existsSync(join(dirname(process.execPath), 'git')) && programs === dirname(process.execPath)).toBe(false);
    env = { PATH: programs };
  });

  it('create, save, push', async () => {
    await sandbox.dstoreOk(['create', made], { env });
    writeHardFiles(made);
    await sandbox.dstoreOk(['save', '-m', 'hard names'], { cwd: made, env });
    await checkClean(sandbox, made);
    await sandbox.dstoreOk(['store', 'init', store], { env });
    await sandbox.dstoreOk(['push', '--to', store, '--alias', 'data'], { cwd: made, env });
    await checkClean(sandbox, made);
  });

  it('clone, get, edit, save, push, update, drop', async () => {
    await sandbox.dstoreOk(['clone', `${store}#~data`, clone], { env });
    await checkClean(sandbox, clone);
    await sandbox.dstoreOk(['get', '.'], { cwd: clone, env });
    expect(readFiles(clone, Object.keys(HARD_FILES))).toEqual(HARD_FILES);
    await checkClean(sandbox, clone);
    await sandbox.dstoreOk(['unlock', 'plain.dat'], { cwd: clone, env });
    appendFileSync(join(clone, 'plain.dat'), 'edited');
    writeFiles(clone, { 'new.dat': bytes('new') });
    await sandbox.dstoreOk(['save', '-m', 'a change'], { cwd: clone, env });
    await checkClean(sandbox, clone);
    await sandbox.dstoreOk(['push'], { cwd: clone, env });
    await sandbox.dstoreOk(['update'], { cwd: made, env });
    await sandbox.dstoreOk(['get', '.'], { cwd: made, env });
    expect(readFileSync(join(made, 'new.dat'), 'utf8')).toBe(bytes('new'));
    await checkClean(sandbox, made);
    await sandbox.dstoreOk(['drop', '.'], { cwd: made, env });
    expect(existsSync(join(made, 'new.dat'))).toBe(false);
    await checkClean(sandbox, made);
  });
});
