#!/usr/bin/env node
// DataLad, git-annex and dstore doing the same steps on the same files, side by side in one run.
// node benchmarks/compare.mjs --help
import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir, totalmem, type } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { folderName, writeFiles, writeLargeFile } from './fixture.mjs';
import { benchEnvironment, firstLine, measure, median } from './process.mjs';
import { judge, markdown, svg } from './report.mjs';
import { TOOLS } from './tools.mjs';

const USAGE = `node benchmarks/compare.mjs [options]
  --tools LIST       of ${Object.keys(TOOLS).join(',')} (default: those that are installed)
  --scenarios LIST   of small,large,startup,memory (default: all)
  --files N          number of small files (10000)      --bytes N    size of each (10000)
  --folders N        folders they lie in (100)          --part N     files of the partial get and drop (1000)
  --large-bytes N    size of the large file (2 GiB)
  --memory-files N   files of the memory scenario (100000)   --memory-tools LIST (dstore)
  --repeat N         whole runs, medians are reported (1)
  --work DIR         where to work; its file system is what is measured (a new folder below ${tmpdir()})
  --out DIR          where the results go (benchmarks/results)   --name NAME   (compare)
  --keep             leave the work folder in place`;

const { values: options } = parseArgs({
  options: {
    tools: { type: 'string' }, scenarios: { type: 'string', default: 'small,large,startup,memory' },
    files: { type: 'string', default: '10000' }, bytes: { type: 'string', default: '10000' }, folders: { type: 'string', default: '100' },
    part: { type: 'string', default: '1000' }, 'large-bytes': { type: 'string', default: String(2 * 1024 ** 3) },
    'memory-files': { type: 'string', default: '100000' }, 'memory-tools': { type: 'string', default: 'dstore' },
    repeat: { type: 'string', default: '1' }, work: { type: 'string' }, out: { type: 'string' }, name: { type: 'string', default: 'compare' },
    keep: { type: 'boolean', default: false }, help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  process.stdout.write(`${USAGE}\n`);
  process.exit(0);
}

const here = dirname(fileURLToPath(import.meta.url));
const out = resolve(options.out ?? join(here, 'results'));
const files = Number(options.files), bytes = Number(options.bytes), folders = Number(options.folders), part = Number(options.part);
const repeat = Number(options.repeat);
const scenarios = options.scenarios.split(',');
const tools = (options.tools?.split(',') ?? Object.keys(TOOLS)).filter((name) => {
  if (!(name in TOOLS)) throw new Error(`no tool ${name}; there are ${Object.keys(TOOLS).join(', ')}`);
  const found = firstLine(TOOLS[name].version[0], TOOLS[name].version.slice(1)) !== undefined;
  if (!found) process.stderr.write(`${name} does not run here and is left out\n`);
  return found;
});
let work;
if (options.work === undefined) {
  work = mkdtempSync(join(tmpdir(), 'dstore-bench-'));
} else {
  work = resolve(options.work);
  if (existsSync(work)) throw new Error(`${work} exists; name a folder that does not`);
  mkdirSync(work, { recursive: true });
}
const env = benchEnvironment(join(work, 'home'));
const log = join(work, 'output.log');

/** slug → { slug, title, target, seconds: { tool → [] }, peak: { tool → [] } } */
const steps = new Map();
function record(slug, title, target, tool, { seconds, peakMebibytes }) {
  if (!steps.has(slug)) steps.set(slug, { slug, title, target, seconds: {}, peak: {} });
  const step = steps.get(slug);
  (step.seconds[tool] ??= []).push(seconds);
  if (peakMebibytes !== undefined) (step.peak[tool] ??= []).push(peakMebibytes);
  process.stdout.write(`${title.padEnd(36)} ${tool.padEnd(16)} ${seconds.toFixed(3).padStart(9)} s ${peakMebibytes === undefined ? '' : `${String(peakMebibytes).padStart(6)} MiB`}\n`);
}

function perform(actions) {
  let seconds = 0, peakMebibytes = 0;
  for (const { cwd, commands } of actions) {
    appendFileSync(log, `\n## ${cwd}: ${commands.map((command) => command.join(' ')).join(' && ')}\n`);
    const measured = measure(commands, { cwd, env, log });
    seconds += measured.seconds;
    peakMebibytes = Math.max(peakMebibytes, measured.peakMebibytes ?? 0);
  }
  return { seconds, ...(peakMebibytes > 0 ? { peakMebibytes } : {}) };
}

/** Clones with the tool itself or, where it cannot, with the one it names. */
function cloneActions(name, base, directory) {
  return (TOOLS[name].clone ?? TOOLS[TOOLS[name].cloneBy].clone)(base, directory);
}

function remove(path) {
  // Annexed content is write-protected, its folders too.
  spawnSync('chmod', ['-R', 'u+w', path]);
  rmSync(path, { recursive: true, force: true });
}

const versusDataLad = (value) => ({ kind: 'ratio', to: 'datalad', value });

function small(round) {
  const fixture = join(work, 'fixture');
  if (!existsSync(fixture)) writeFiles(fixture, { files, folders, bytes });
  const partFolders = Array.from({ length: Math.max(1, Math.round(part / Math.ceil(files / folders))) }, (_, index) => folderName(index));
  const base = (name) => join(work, `small-${round}`, name);
  const each = (slug, title, target, actionsOf) => {
    for (const name of tools) {
      const actions = actionsOf(TOOLS[name], base(name), name);
      if (actions !== undefined) record(slug, title, target, name, perform(actions));
    }
  };
  for (const name of tools) {
    mkdirSync(base(name), { recursive: true });
    perform(TOOLS[name].create(base(name)));
    cpSync(fixture, join(base(name), 'dataset'), { recursive: true });
  }
  const all = files.toLocaleString('en'), some = part.toLocaleString('en');
  each('save', `save ${all} files`, versusDataLad(10), (tool, at) => tool.save(at));
  for (const name of tools) if (TOOLS[name].beforePush) perform(TOOLS[name].beforePush(base(name)));
  each('push.fresh', `push ${all} to a fresh store`, versusDataLad(15), (tool, at) => tool.push(at));
  each('push.nothing', 'push, nothing to do', { kind: 'seconds', value: 0.3 }, (tool, at) => tool.pushNothing(at));
  each('clone', 'clone', versusDataLad(4), (tool, at) => tool.clone?.(at, 'clone'));
  for (const name of tools) {
    if (!TOOLS[name].clone) perform(cloneActions(name, base(name), 'clone'));
    perform(cloneActions(name, base(name), 'full'));
  }
  each('get.part', `get ${some} files`, versusDataLad(20), (tool, at) => tool.get(at, 'clone', partFolders));
  each('get.all', `get ${all} files`, versusDataLad(20), (tool, at) => tool.get(at, 'full', ['.']));
  each('get.nothing', 'get, nothing to do', { kind: 'seconds', value: 0.3 }, (tool, at) => tool.get(at, 'full', ['.']));
  each('whereis', `whereis ${all} files`, { kind: 'ratio', to: 'git-annex', value: 20 }, (tool, at) => tool.whereis?.(at, 'full'));
  each('drop.part', `drop ${some} files`, versusDataLad(20), (tool, at) => tool.drop(at, 'full', partFolders));
  // What every tool must do at least: the copying itself.
  const source = partFolders.map((folder) => join(fixture, folder));
  record('get.part', '', undefined, 'cp', measure([['cp', '-r', ...source, join(work, `small-${round}`)]], { cwd: work, env, log }));
  remove(join(work, `small-${round}`));
}

/** `cp` and `sha256sum` of the same file at the same time: the work that a verified copy is made of. */
function overlapped(source, target) {
  spawnSync('sync');
  const start = process.hrtime.bigint();
  const ended = [spawn('cp', [source, target], { stdio: 'ignore' }), spawn('sha256sum', [source], { stdio: 'ignore' })].map(
    (child) => new Promise((done, failed) => child.on('error', failed).on('close', (status) => (status === 0 ? done() : failed(new Error(`status ${status}`))))),
  );
  return Promise.all(ended).then(() => ({ seconds: Number(process.hrtime.bigint() - start) / 1e9 }));
}

async function large(round) {
  const size = Number(options['large-bytes']);
  const title = `get one file of ${(size / 1024 ** 3).toFixed(size % 1024 ** 3 === 0 ? 0 : 1)} GiB`;
  const fixture = join(work, 'large.dat');
  if (!existsSync(fixture)) writeLargeFile(fixture, size);
  const chosen = tools.filter((name) => name !== 'git-annex-bare');
  for (const name of chosen) {
    const base = join(work, `large-${round}-${name}`);
    mkdirSync(base);
    perform(TOOLS[name].create(base));
    cpSync(fixture, join(base, 'dataset', 'large.dat'));
    perform(TOOLS[name].save(base));
    if (TOOLS[name].beforePush) perform(TOOLS[name].beforePush(base));
    perform(TOOLS[name].push(base));
    perform(cloneActions(name, base, 'clone'));
    record('get.large', title, { kind: 'within', to: 'cp & sha256sum', value: 1.25 }, name, perform(TOOLS[name].get(base, 'clone', ['large.dat'])));
  }
  const copy = join(work, 'copy.dat');
  record('get.large', title, { kind: 'within', to: 'cp & sha256sum', value: 1.25 }, 'cp & sha256sum', await overlapped(fixture, copy));
  rmSync(copy);
}

function startUp() {
  const title = 'start-up (--version)';
  const target = { kind: 'within', to: 'node -e 0', value: 1.3 };
  const contestants = [...tools.filter((name) => TOOLS[name].startUp).map((name) => [name, TOOLS[name].startUp]), ['node -e 0', [process.execPath, '-e', '0']]];
  const taken = new Map(contestants.map(([name]) => [name, []]));
  for (let index = 0; index < 20; index++) {
    for (const [name, [program, ...args]] of contestants) {
      const start = process.hrtime.bigint();
      spawnSync(program, args, { env, stdio: 'ignore' });
      taken.get(name).push(Number(process.hrtime.bigint() - start) / 1e9);
    }
  }
  for (const [name, values] of taken) record('startup', title, target, name, { seconds: median(values) });
}

function memory() {
  const count = Number(options['memory-files']);
  const shown = count.toLocaleString('en');
  const target = { kind: 'mebibytes', value: 300 };
  for (const name of options['memory-tools'].split(',').filter((tool) => tools.includes(tool))) {
    const base = join(work, `memory-${name}`);
    mkdirSync(base);
    perform(TOOLS[name].create(base));
    writeFiles(join(base, 'dataset'), { files: count, folders: 1000, bytes: 100 });
    const note = (slug, what, actions) => record(`memory.${slug}`, `${what} ${shown} small files`, target, name, perform(actions));
    note('save', 'save', TOOLS[name].save(base));
    if (TOOLS[name].beforePush) perform(TOOLS[name].beforePush(base));
    note('push', 'push', TOOLS[name].push(base));
    note('clone', 'clone', cloneActions(name, base, 'clone'));
    note('get', 'get', TOOLS[name].get(base, 'clone', ['.']));
    if (TOOLS[name].whereis) note('whereis', 'whereis', TOOLS[name].whereis(base, 'clone'));
    note('drop', 'drop', TOOLS[name].drop(base, 'clone', ['.']));
  }
}

process.stdout.write(`working in ${work}\n`);
for (let round = 0; round < repeat; round++) {
  if (scenarios.includes('small')) small(round);
  if (scenarios.includes('large')) await large(round);
}
if (scenarios.includes('startup')) startUp();
if (scenarios.includes('memory')) memory();

const medians = (lists) => Object.fromEntries(Object.entries(lists).map(([name, values]) => [name, median(values)]));
const result = {
  date: new Date().toISOString(),
  machine: {
    cpu: cpus()[0]?.model ?? 'unknown', cpus: cpus().length, memoryGibibytes: Math.round(totalmem() / 1024 ** 3),
    system: `${type()} ${release()}`, fileSystem: firstLine('stat', ['-f', '-c', '%T', work]) ?? 'unknown',
  },
  versions: {
    Node: process.versions.node, git: firstLine('git', ['--version'])?.replace('git version ', ''),
    ...Object.fromEntries(tools.filter((name) => name !== 'git-annex-bare').map((name) => [name, firstLine(TOOLS[name].version[0], TOOLS[name].version.slice(1))?.replace(/^\w+ /, '')])),
  },
  parameters: { files, bytes, folders, part, repeat },
  tools,
  steps: [...steps.values()].map((step) => {
    const taken = medians(step.seconds);
    const ratios = {};
    if (taken.dstore !== undefined) for (const name of tools) if (name !== 'dstore' && taken[name] !== undefined) ratios[name] = taken[name] / taken.dstore;
    return { slug: step.slug, title: step.title, target: step.target, seconds: taken, all: step.seconds, ratios, peakMebibytes: medians(step.peak) };
  }),
};
mkdirSync(out, { recursive: true });
writeFileSync(join(out, `${options.name}.json`), `${JSON.stringify(result, undefined, 2)}\n`);
writeFileSync(join(out, `${options.name}.md`), markdown(result));
writeFileSync(join(out, `${options.name}.svg`), svg(result));
process.stdout.write(`\n${markdown(result)}\nwritten: ${join(out, options.name)}.{json,md,svg}\n`);
if (options.keep) process.stdout.write(`kept: ${work}\n`);
else remove(work);
const missed = result.steps.filter((step) => judge(step).reached === false);
if (missed.length > 0) process.stdout.write(`targets not reached: ${missed.map((step) => step.title).join('; ')}\n`);
