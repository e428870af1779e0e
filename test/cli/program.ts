import { spawn, type ChildProcess } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { PROJECT } from '../support/project.ts';

/** The built program in a folder of its own, with what esbuild knows about every chunk. */
export interface Program {
  readonly root: string;
  /** bin/dstore.js */
  readonly path: string;
  /** A folder to put first in PATH so that `dstore` is this program. */
  readonly bin: string;
  /** Chunk file name → source files in it, relative to the checkout. */
  readonly chunks: ReadonlyMap<string, readonly string[]>;
  remove(): void;
}

/** Builds as bin/build.js does, but into a temporary folder and with a list of what each chunk holds. */
export async function buildProgram(): Promise<Program> {
  const root = mkdtempSync(join(tmpdir(), 'dstore-program-'));
  const bin = join(root, 'bin');
  mkdirSync(bin);
  copyFileSync(join(PROJECT, 'bin/dstore.js'), join(bin, 'dstore.js'));
  copyFileSync(join(PROJECT, 'package.json'), join(root, 'package.json'));
  symlinkSync(join(PROJECT, 'node_modules'), join(root, 'node_modules'));
  symlinkSync('dstore.js', join(bin, 'dstore'));
  const worker = 'src/io/bulk-worker.ts';
  const { metafile } = await build({
    absWorkingDir: PROJECT,
    entryPoints: { cli: 'src/cli/main.ts', index: 'src/index.ts', ...(existsSync(join(PROJECT, worker)) ? { 'bulk-worker': worker } : {}) },
    outdir: join(root, 'dist'),
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    chunkNames: '[name]-[hash]',
    external: ['koffi'],
    metafile: true,
    logLevel: 'error',
    banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
  });
  const chunks = new Map(Object.entries(metafile.outputs).map(([file, output]) => [file.slice(file.lastIndexOf('/') + 1), Object.keys(output.inputs)]));
  return { root, path: join(bin, 'dstore.js'), bin, chunks, remove: () => rmSync(root, { recursive: true, force: true }) };
}

export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
  /** Called with everything on stderr so far. */
  readonly onStderr?: (text: string, child: ChildProcess) => void;
}

export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: options.cwd, env: { ...process.env, ...options.env }, stdio: 'pipe' });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
    child.stderr.on('data', (data: Buffer) => {
      stderr += data.toString();
      options.onStderr?.(stderr, child);
    });
    child.on('error', reject);
    child.on('close', (status, signal) => resolve({ status, signal, stdout, stderr }));
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
  });
}

/** Runs the program and tells which source files and packages it loaded. */
export async function loadedSources(program: Program, args: readonly string[], options: RunOptions = {}): Promise<{ readonly ended: Ended; readonly sources: readonly string[] }> {
  const list = join(program.root, `loaded-${args.join('-').replace(/[^\w-]/g, '_')}`);
  const hook = join(program.root, 'hook.mjs');
  const register = join(program.root, 'register.mjs');
  writeFileSync(hook, `import { appendFileSync } from 'node:fs';
export async function load(url, context, next) { appendFileSync(${JSON.stringify(list)}, url + '\\n'); return next(url, context); }
`);
  writeFileSync(register, `import { register } from 'node:module'; register(${JSON.stringify(`file://${hook}`)});\n`);
  writeFileSync(list, '');
  const ended = await run(process.execPath, ['--import', register, program.path, ...args], options);
  const urls = readFileSync(list, 'utf8').trimEnd().split('\n');
  const sources = urls.flatMap((url) => program.chunks.get(url.slice(url.lastIndexOf('/') + 1)) ?? [url]);
  return { ended, sources };
}
