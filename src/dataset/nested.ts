/** Nested datasets: git submodules, installed on demand from where DataLad would look for them. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DStoreError, isDStoreError } from '../core/errors.ts';
import type { Run } from '../core/run.ts';
import { editConfig, parseConfigText } from '../git/config.ts';
import { argumentInside, shownPath } from './annexed-files.ts';
import { cloneDataset } from './clone-dataset.ts';
import type { Dataset } from './dataset.ts';
import { pathArguments } from './path-arguments.ts';

export interface NestedDataset {
  readonly name: string;
  readonly path: string;
  readonly url: string | undefined;
  readonly id: string | undefined;
  readonly dataladUrl: string | undefined;
  /** `skip`: left out by recursion, installed only when named. */
  readonly recursiveInstall: string | undefined;
}

/** What `.gitmodules` says, by path. */
export function nestedDatasets(top: string): Map<string, NestedDataset> {
  let text: string;
  try {
    text = readFileSync(join(top, '.gitmodules'), 'utf8');
  } catch {
    return new Map();
  }
  const values = new Map<string, Map<string, string>>();
  for (const [name, value] of parseConfigText(text)) {
    const match = /^submodule\.(.*)\.([^.]+)$/s.exec(name);
    if (match === null) continue;
    const fields = values.get(match[1]!) ?? new Map<string, string>();
    fields.set(match[2]!.toLowerCase(), value);
    values.set(match[1]!, fields);
  }
  const found = new Map<string, NestedDataset>();
  for (const [name, fields] of values) {
    const path = fields.get('path');
    if (path === undefined) continue;
    found.set(path, {
      name, path, url: fields.get('url'), id: fields.get('datalad-id'), dataladUrl: fields.get('datalad-url'),
      recursiveInstall: fields.get('datalad-recursiveinstall'),
    });
  }
  return found;
}

export function isInstalled(top: string, path: string): boolean {
  return existsSync(join(top, path, '.git'));
}

/**
 * Runs an operation in the nested datasets that the input reaches: all of them with `recursive`, otherwise those that a path argument
 * lies in. `install` clones missing ones.
 */
export async function forNested(
  dataset: Dataset, nested: readonly string[], input: { cwd: string; paths?: readonly string[]; recursive?: boolean },
  options: { readonly install: boolean; readonly dryRun: boolean }, run: Run, work: (input: { cwd: string; paths: readonly string[] }, run: Run) => Promise<void>,
): Promise<void> {
  if (nested.length === 0) return;
  const modules = nestedDatasets(dataset.top);
  const args = pathArguments(dataset, input.paths);
  for (const path of nested) {
    const inside = args.filter((argument) => argumentInside(argument.replace(/\/+$/, ''), dataset.prefix, path));
    const named = inside.length > 0;
    if (!named && input.recursive !== true) continue;
    const absolute = join(dataset.top, path);
    if (!isInstalled(dataset.top, path)) {
      if (!options.install || (!named && modules.get(path)?.recursiveInstall === 'skip')) continue;
      if (options.dryRun) {
        run.report({ type: 'result', action: 'install', status: 'ok', kind: 'dataset', path, dataset: dataset.top, dryRun: true });
        continue;
      }
      await installNested(dataset, path, modules.get(path), run);
      run.report({ type: 'result', action: 'install', status: 'ok', kind: 'dataset', path, dataset: dataset.top });
    }
    const full = (argument: string): string => (dataset.prefix === '' ? argument : `${dataset.prefix}/${argument}`).replace(/\/+$/, '');
    const below = inside.map((argument) => full(argument)).map((argument) => (argument === path ? '.' : argument.slice(path.length + 1)));
    // Naming just the dataset means the dataset, and its content only with -r or `/.`; as with files below a folder, it means all below it.
    await work({ cwd: absolute, paths: below.includes('.') ? [] : below }, reportBelow(run, shownPath(dataset.prefix, path)));
  }
}

/** The same run, with the paths of its records as seen from the outer dataset. */
export function reportBelow(run: Run, folder: string): Run {
  return {
    ...run, signal: run.signal, emit: (event) => run.emit(event),
    report: (record) => run.report(record.path === undefined || record.path.startsWith('/') ? record : { ...record, path: record.path === '.' ? folder : `${folder}/${record.path}` }),
  };
}

/** Clones a nested dataset at the commit that the outer one records. */
export async function installNested(dataset: Dataset, path: string, module: NestedDataset | undefined, run: Run): Promise<void> {
  const absolute = join(dataset.top, path);
  if (existsSync(absolute) && readdirSync(absolute).length > 0) {
    throw new DStoreError('ALREADY_EXISTS', `cannot install the nested dataset ${path}: the folder is not empty`, { hint: `move what is in ${path} out of the way` });
  }
  const commit = dataset.repo.readIndex().get(path)?.oid;
  const candidates = sourceCandidates(dataset, path, module);
  const failures: string[] = [];
  for (const source of candidates) {
    try {
      await cloneDataset({ source, directory: absolute, base: dataset.top, commit, nested: true }, run);
      editConfig(join(dataset.repo.commonDir, 'config'), [
        { name: `submodule.${module?.name ?? path}.active`, value: 'true' },
        { name: `submodule.${module?.name ?? path}.url`, value: source },
      ]);
      return;
    } catch (error) {
      if (!isDStoreError(error) || error.code === 'ABORTED') throw error;
      failures.push(`${source}: ${error.message}`);
    }
  }
  throw new DStoreError('CONTENT_UNAVAILABLE', `cannot install the nested dataset ${path}${failures.length === 0 ? ': no place to clone it from is known' : ` from ${failures.join('; ')}`}`, {
    hint: 'check the places in .gitmodules, or clone it there by hand: dstore clone SOURCE ' + path,
  });
}

/** In DataLad's order of costs: configured candidates (200 for RIA clones), datalad-url, the URL of .gitmodules seen from each remote, the remote's path. */
function sourceCandidates(dataset: Dataset, path: string, module: NestedDataset | undefined): string[] {
  const { config } = dataset.repo;
  const candidates: { cost: number; source: string }[] = [];
  const add = (cost: number, source: string | undefined): void => {
    if (source !== undefined && source !== '' && !candidates.some((known) => known.source === source)) candidates.push({ cost, source });
  };
  for (const [name, template] of config.entries('datalad.get')) {
    const label = /^datalad\.get\.subdataset-source-candidate-(.+)$/.exec(name)?.[1];
    if (label === undefined) continue;
    const cost = /^\d{3}/.test(label) ? Number(label.slice(0, 3)) : 700;
    if (template.includes('{id}') && module?.id === undefined) continue;
    add(cost, template.replaceAll('{id}', module?.id ?? '').replaceAll('{path}', path).replaceAll('{url}', module?.url ?? ''));
  }
  add(590, module?.dataladUrl);
  for (const name of config.sections('remote')) {
    const url = config.get(`remote.${name}.url`);
    if (url === undefined) continue;
    if (module?.url !== undefined) add(600, resolveUrl(url, module.url));
    add(650, `${url.replace(/\/+$/, '')}/${path}`);
  }
  if (module?.url !== undefined) add(900, resolveUrl(dataset.top, module.url));
  return candidates.sort((a, b) => a.cost - b.cost).map(({ source }) => source);
}

function resolveUrl(base: string, url: string): string {
  if (!url.startsWith('./') && !url.startsWith('../')) return url;
  let prefix = base.replace(/\/+$/, '');
  let rest = url;
  for (;;) {
    if (rest.startsWith('./')) rest = rest.slice(2);
    else if (rest.startsWith('../')) {
      rest = rest.slice(3);
      prefix = prefix.slice(0, prefix.lastIndexOf('/'));
    } else return `${prefix}/${rest}`;
  }
}
