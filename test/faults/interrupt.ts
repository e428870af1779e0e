import { spawn } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readdirSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from '../support/project.ts';
import type { Sandbox } from '../support/sandbox.ts';

export interface Ended {
  readonly status: number | null;
  readonly signal: string | null;
  readonly text: string;
}

/** Starts the program and sends it a signal, after a time or as soon as `when` says so. */
export function signalled(sandbox: Sandbox, args: readonly string[], cwd: string, signal: 'SIGINT' | 'SIGKILL', when: number | (() => boolean)): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(PROJECT, 'bin/dstore.js'), ...args], { cwd, env: sandbox.env, stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    child.stdout.on('data', (data: Buffer) => { text += data.toString(); });
    child.stderr.on('data', (data: Buffer) => { text += data.toString(); });
    const timer = typeof when === 'number' ? setTimeout(() => child.kill(signal), when) : setInterval(() => {
      if (!reached(when)) return;
      clearInterval(timer);
      child.kill(signal);
    }, 2);
    child.on('error', reject);
    child.on('close', (status, by) => {
      clearInterval(timer);
      resolve({ status, signal: by, text });
    });
  });
}

/** A look at folders that the program is changing: what vanishes in the middle of it says nothing yet. */
function reached(when: () => boolean): boolean {
  try {
    return when();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** Files of `count` different small contents in ten folders below `many`. */
export function writeMany(dataset: string, count: number): void {
  for (let index = 0; index < count; index++) {
    const folder = join(dataset, 'many', String(index % 10));
    if (index < 10) mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${index}.dat`), `content ${index}\n`);
  }
}

/** Whatever lies in the work tree, without `.git`. */
export function workTree(dataset: string): string[] {
  return filesBelow(dataset, '.git');
}

/** All paths below a folder, while a program may be changing it: what vanishes in the middle is not there. */
export function filesBelow(folder: string, without?: string, prefix = ''): string[] {
  let entries;
  try {
    entries = readdirSync(join(folder, prefix), { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  const paths: string[] = [];
  for (const entry of entries) {
    const path = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
    if (path === without) continue;
    paths.push(path);
    if (entry.isDirectory()) paths.push(...filesBelow(folder, without, path));
  }
  return paths;
}

/** How many annexed files have their content here, by looking; a link to content of a wrong size is an error. */
export function contentHere(dataset: string): number {
  let found = 0;
  for (const path of workTree(dataset)) {
    const absolute = join(dataset, path);
    if (!lstatSync(absolute).isSymbolicLink()) continue;
    const size = /-s(\d+)-/.exec(readlinkSync(absolute))?.[1];
    // It may vanish at any moment: the program under test is removing it.
    const stat = statSync(absolute, { throwIfNoEntry: false });
    if (size === undefined || stat === undefined) continue;
    if (stat.size !== Number(size)) throw new Error(`${path} has ${statSync(absolute).size} bytes, its key says ${size}`);
    found++;
  }
  return found;
}

/** Lock files of git, and what running commands of dstore keep. */
export function leftovers(dataset: string): string[] {
  const list = (folder: string): string[] => (existsSync(join(dataset, folder)) ? readdirSync(join(dataset, folder)).map((name) => `${folder}/${name}`) : []);
  return [
    ...readdirSync(join(dataset, '.git')).filter((name) => name.endsWith('.lock')),
    ...list('.git/annex/dstore/running'), ...list('.git/annex/othertmp'), ...list('.git/annex/tmp'),
  ];
}
