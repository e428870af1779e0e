import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasTool } from '../support/tools.ts';
import { buildProgram, loadedSources, run, type Program } from './program.ts';

let program: Program;
beforeAll(async () => {
  program = await buildProgram();
});
afterAll(() => program.remove());

describe('starting', () => {
  it('answers --version without loading the program', async () => {
    const { ended, sources } = await loadedSources(program, ['--version']);
    expect(ended).toMatchObject({ status: 0, stderr: '' });
    expect(ended.stdout).toMatch(/^dstore \d+\.\d+\.\d+\n$/);
    expect(sources.filter((source) => source.startsWith('src/'))).toEqual([]);
    expect((await run(process.execPath, [program.path, '-q', '--version'])).status).not.toBe(null);
  });

  const heavy = /isomorphic-git|fast-glob|bulk-worker|aws-sdk|node-7z|koffi/;

  it('loads no parser, operation or heavy package for --help', async () => {
    const { ended, sources } = await loadedSources(program, ['--help']);
    expect(ended.status).toBe(0);
    expect(sources).toContain('src/cli/main.ts');
    expect(sources.filter((source) => heavy.test(source) || source.includes('yargs') || source.startsWith('src/ops/'))).toEqual([]);
  });

  it('loads no other operation and no heavy package for whereis', async () => {
    const dataset = join(program.root, 'dataset');
    mkdirSync(dataset);
    const env = { HOME: program.root, GIT_CONFIG_NOSYSTEM: '1', GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@b', GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a@b' };
    if (hasTool('git')) {
      await run(process.execPath, [program.path, 'create', '--force', '.'], { cwd: dataset, env });
      writeFileSync(join(dataset, 'file.dat'), '\0content');
      await run(process.execPath, [program.path, 'save', '-m', 'x'], { cwd: dataset, env });
    }
    const { sources } = await loadedSources(program, ['whereis'], { cwd: dataset, env });
    expect(sources).toContain('src/ops/whereis.ts');
    expect(sources.filter((source) => heavy.test(source))).toEqual([]);
    expect(sources.filter((source) => /^src\/ops\/(get|push|save|clone|fsck)\.ts$/.test(source))).toEqual([]);
  });

  it('gives the library without any operation', async () => {
    const script = join(program.root, 'library.mjs');
    writeFileSync(script, `import * as dstore from './dist/index.js';
const records = [];
const aborted = await dstore.get({}, { signal: AbortSignal.abort(), onRecord: (r) => records.push(r) }).catch((error) => error);
console.log(JSON.stringify([dstore.isDStoreError(aborted), aborted.code, records.length]));
const nowhere = await dstore.status({ cwd: '/' }).catch((error) => error);
console.log(dstore.isDStoreError(nowhere), Object.keys(dstore.ERROR_CODES).includes(nowhere.code));
`);
    const { stdout, stderr } = await run(process.execPath, [script]);
    expect(stderr).toBe('');
    expect(stdout).toBe('[true,"ABORTED",0]\ntrue true\n');
  });
});

describe('the program', () => {
  it('ends quietly when nobody reads on', async () => {
    const { stderr, stdout } = await run('bash', ['-c', 'set -o pipefail; "$1" "$2" help get | head -n 1; echo "$?"', 'bash', process.execPath, program.path]);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^Usage: dstore get/);
  });

  it('says what is wrong on stderr and ends with 2', async () => {
    const ended = await run(process.execPath, [program.path, 'gte']);
    expect(ended).toMatchObject({ status: 2, stdout: '' });
    expect(ended.stderr).toContain('did you mean dstore get?');
  });

  it('works when the current folder is gone', async () => {
    const ended = await run('bash', ['-c', 'd=$(mktemp -d) && cd "$d" && rmdir "$d" && exec "$@"', 'bash', process.execPath, program.path, 'status']);
    expect(ended.status).toBe(1);
    expect(ended.stderr).toMatch(/^error: .*folder.*\n {2}hint: /);
  });

  /** The real main(), on an operation that waits. */
  function waitingProgram(): string {
    const script = join(program.root, 'waiting.mjs');
    writeFileSync(script, `import { main } from './dist/cli.js';
const stubborn = process.argv[2] === 'stubborn';
const get = (input, run) => new Promise((resolve, reject) => {
  const timer = setInterval(() => {}, 1000);
  run.emit({ type: 'plan', action: 'get', files: 3, bytes: 3 });
  run.report({ type: 'result', action: 'get', status: 'ok', kind: 'file', path: 'a' });
  run.signal.addEventListener('abort', () => {
    if (stubborn) return;
    clearInterval(timer);
    const error = new Error('aborted');
    error.name = 'AbortError';
    reject(error);
  });
  process.stderr.write('ready\\n');
});
process.exitCode = await main(['get'], { operations: { get } });
`);
    return script;
  }

  it.each(['SIGINT', 'SIGTERM'] as const)('stops at %s with 130 and says how to continue', async (signal) => {
    let sent = false;
    const ended = await run(process.execPath, [waitingProgram()], {
      onStderr: (text, child) => {
        if (!sent && text.includes('ready')) sent = child.kill(signal);
      },
    });
    expect(ended.status).toBe(130);
    expect(ended.stderr).toMatch(/stopping: [^]*interrupted: 1 of 3 files done; run the same command again to continue\n$/);
  });

  it('ends at once at the second signal', async () => {
    let sent = 0;
    const ended = await run(process.execPath, [waitingProgram(), 'stubborn'], {
      onStderr: (text, child) => {
        if (sent === 0 && text.includes('ready')) sent = Number(child.kill('SIGINT'));
        if (sent === 1 && text.includes('stopping:')) {
          sent = 2;
          child.kill('SIGINT');
        }
      },
    });
    expect(ended.signal ?? ended.status).toBe('SIGINT');
  });

  it('draws on a terminal and cleans up behind it', async () => {
    if (!hasTool('script')) return;
    const script = join(program.root, 'drawing.mjs');
    writeFileSync(script, `import { main } from './dist/cli.js';
const get = async (input, run) => {
  run.emit({ type: 'plan', action: 'get', files: 10, bytes: 100 });
  for (let i = 1; i <= 10; i++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    run.emit({ type: 'progress', files: i, bytes: i * 10 });
    run.report({ type: 'result', action: 'get', status: 'ok', kind: 'file', path: 'f' + i, bytes: 10 });
  }
};
process.exitCode = await main(['get'], { operations: { get } });
`);
    const shown = execFileSync('script', ['-qec', `stty cols 100; '${process.execPath}' '${script}'`, '/dev/null'], { encoding: 'utf8', env: { ...process.env, TERM: 'xterm', NO_COLOR: '1' } });
    expect(shown).toMatch(/\d\/10 files {2}\d+ B\/100 B/);
    expect(shown.slice(shown.lastIndexOf('\u001b[K'))).toMatch(/^\u001b\[Kgot 10 files, 100 B in [\d.]+ s \(\d+ files\/s\)\r\n$/);
  });
});
