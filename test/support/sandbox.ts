import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import type { ResultRecord } from '../../src/core/records.ts';
import { PROJECT } from './project.ts';
import { removeTree } from './remove-tree.ts';

export interface RunResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The last line that `dstore --json` prints. */
export interface SummaryRecord {
  readonly type: 'summary';
  readonly [name: string]: unknown;
}

export interface DstoreResult extends RunResult {
  readonly records: readonly ResultRecord[];
  readonly summary: SummaryRecord | undefined;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly input?: string;
  readonly timeoutMilliseconds?: number;
}

/** A folder of its own with its own home: programs started in it see none of the caller's configuration. */
export interface Sandbox {
  readonly root: string;
  readonly env: Readonly<Record<string, string>>;
  path(...parts: string[]): string;
  /** Runs a program to its end, whatever its status. */
  run(program: string, args: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Runs a program that must succeed. @returns what it printed */
  ok(program: string, args: readonly string[], options?: RunOptions): Promise<string>;
  git(cwd: string, ...args: string[]): Promise<string>;
  annex(cwd: string, ...args: string[]): Promise<string>;
  datalad(cwd: string, ...args: string[]): Promise<string>;
  /** Runs the program under test with `--json`. */
  dstore(args: readonly string[], options?: RunOptions): Promise<DstoreResult>;
  /** The same where it must succeed: status 0 and no record that failed. */
  dstoreOk(args: readonly string[], options?: RunOptions): Promise<DstoreResult>;
}

const PROGRAM = join(PROJECT, 'bin/dstore.js');

function collect(program: string, args: readonly string[], env: NodeJS.ProcessEnv, options: RunOptions, cwd: string): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd, env, stdio: ['pipe', 'pipe', 'pipe'], timeout: options.timeoutMilliseconds ?? 110_000, killSignal: 'SIGKILL',
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }));
  });
}

/** The records among the lines that `dstore --json` printed. Every line must be one. */
export function parseRecords(stdout: string): { records: ResultRecord[]; summary: SummaryRecord | undefined } {
  const records: ResultRecord[] = [];
  let summary: SummaryRecord | undefined;
  for (const line of stdout.split('\n')) {
    if (line === '') continue;
    const value = JSON.parse(line) as ResultRecord | SummaryRecord;
    if (value.type === 'result') records.push(value);
    else if (value.type === 'summary') summary = value;
  }
  return { records, summary };
}

function described(program: string, args: readonly string[], result: RunResult): string {
  return `${program} ${args.join(' ')} ended with ${result.status}\n${result.stdout}\n${result.stderr}`;
}

/** Makes a sandbox that is removed after the tests of the file. Call it at the top of a test file or of a `describe`. */
export function createSandbox(): Sandbox {
  const root = join(realpathSync(tmpdir()), `dstore-test-${randomBytes(6).toString('hex')}`);
  const home = join(root, 'home');
  const temporary = join(root, 'tmp');
  // Made when its tests run: where all of them are skipped nothing would remove it.
  beforeAll(() => {
    // A second user must be able to reach what tests share with it.
    mkdirSync(root, { mode: 0o755 });
    mkdirSync(home);
    mkdirSync(temporary);
    writeFileSync(
      join(home, '.gitconfig'),
      '[user]\n\tname = Test Person\n\temail = test@example.org\n[init]\n\tdefaultBranch = main\n[protocol "file"]\n\tallow = always\n',
    );
  });
  const env: Record<string, string> = {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    HOME: home,
    XDG_CONFIG_HOME: join(home, '.config'),
    XDG_CACHE_HOME: join(home, '.cache'),
    TMPDIR: temporary,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    LC_ALL: 'C.UTF-8',
    TZ: 'UTC',
    DATALAD_UI_PROGRESSBAR: 'none',
    DATALAD_LOG_LEVEL: 'error',
  };
  afterAll(() => removeTree(root));

  const sandbox: Sandbox = {
    root,
    env,
    path: (...parts) => join(root, ...parts),
    run: (program, args, options = {}) => collect(program, args, { ...env, ...options.env }, options, options.cwd ?? root),
    async ok(program, args, options = {}) {
      const result = await sandbox.run(program, args, options);
      if (result.status !== 0) throw new Error(described(program, args, result));
      return result.stdout;
    },
    git: (cwd, ...args) => sandbox.ok('git', args, { cwd }),
    annex: (cwd, ...args) => sandbox.ok('git', ['annex', ...args], { cwd }),
    datalad: (cwd, ...args) => sandbox.ok('datalad', args, { cwd }),
    async dstore(args, options = {}) {
      const end = args.indexOf('--');
      const withJson = end < 0 ? [...args, '--json'] : [...args.slice(0, end), '--json', ...args.slice(end)];
      const result = await sandbox.run(process.execPath, [PROGRAM, ...withJson], options);
      try {
        return { ...result, ...parseRecords(result.stdout) };
      } catch {
        throw new Error(`a line of --json output is no JSON: ${described('dstore', args, result)}`);
      }
    },
    async dstoreOk(args, options = {}) {
      const result = await sandbox.dstore(args, options);
      const failed = result.records.filter((record) => record.status === 'error' || record.status === 'impossible');
      if (result.status !== 0 || failed.length > 0) throw new Error(described('dstore', args, result));
      return result;
    },
  };
  return sandbox;
}
