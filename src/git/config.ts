/** Configuration as git sees it: all files and environment variables in their order (git-config(1), "Files", "Includes", "Environment"). */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { DStoreError, toDStoreError } from '../core/errors.ts';
import { normalizeName, scanConfig } from './config-text.ts';

export { editConfig, parseConfigText } from './config-text.ts';
export type { ConfigEdit } from './config-text.ts';

export interface GitConfig {
  /** The last value of a variable. */
  get(name: string): string | undefined;
  /** All values, least important first. */
  getAll(name: string): readonly string[];
  /** @throws CONFIG_INVALID when the value is no boolean */
  getBoolean(name: string): boolean | undefined;
  /** With git's suffixes k, m, g. @throws CONFIG_INVALID when the value is no number */
  getNumber(name: string): number | undefined;
  /** Subsection names below a section in the order they appear, e.g. `sections('remote')`. */
  sections(prefix: string): string[];
  /** All variables whose name starts with `prefix` followed by a dot; everything for ''. */
  entries(prefix: string): [string, string][];
}

/** A configuration made of normalised pairs, later ones winning. */
export function createConfig(pairs: readonly (readonly [string, string])[]): GitConfig {
  const values = new Map<string, string[]>();
  for (const [name, value] of pairs) {
    const list = values.get(name);
    if (list === undefined) values.set(name, [value]);
    else list.push(value);
  }
  const get = (name: string): string | undefined => values.get(normalizeName(name))?.at(-1);
  return {
    get,
    getAll: (name) => values.get(normalizeName(name)) ?? [],
    getBoolean(name) {
      const value = get(name);
      return value === undefined ? undefined : parseBoolean(name, value);
    },
    getNumber(name) {
      const value = get(name);
      if (value === undefined) return undefined;
      const match = /^\s*([+-]?\d+)([kmg]?)$/i.exec(value);
      if (match === null) throw new DStoreError('CONFIG_INVALID', `${name} is ${JSON.stringify(value)}, which is no number`, {
        hint: `git config ${name} 0`,
      });
      return Number(match[1]) * ({ k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[(match[2] ?? '').toLowerCase()] ?? 1);
    },
    sections(prefix) {
      const start = `${prefix.toLowerCase()}.`;
      const names = new Set<string>();
      for (const [name] of pairs) {
        const last = name.lastIndexOf('.');
        if (name.startsWith(start) && last >= start.length) names.add(name.slice(start.length, last));
      }
      return [...names];
    },
    entries(prefix) {
      const start = prefix === '' ? '' : `${prefix}.`;
      return pairs.filter(([name]) => name.startsWith(start)).map(([name, value]) => [name, value]);
    },
  };
}

function parseBoolean(name: string, value: string): boolean {
  const lower = value.toLowerCase();
  if (lower === 'true' || lower === 'yes' || lower === 'on') return true;
  if (lower === 'false' || lower === 'no' || lower === 'off' || lower === '') return false;
  if (/^[+-]?\d+[kmg]?$/.test(lower)) return Number.parseInt(lower, 10) !== 0;
  throw new DStoreError('CONFIG_INVALID', `${name} is ${JSON.stringify(value)}, which is neither true nor false`, {
    hint: `git config ${name} true`,
  });
}

interface Conditions { readonly gitDir: string | undefined; branch(): string | undefined }

/** System, user, repository, work tree and environment configuration, with includes followed. @throws CONFIG_INVALID, PERMISSION, IO */
export function loadConfig(gitDir: string, commonDir: string): GitConfig {
  const conditions: Conditions = { gitDir, branch: () => currentBranch(gitDir) };
  const pairs = userPairs(conditions);
  readPairs(join(commonDir, 'config'), conditions, pairs);
  if (createConfig(pairs).getBoolean('extensions.worktreeConfig') === true) readPairs(join(gitDir, 'config.worktree'), conditions, pairs);
  environmentPairs(conditions, pairs);
  return createConfig(pairs);
}

/** The file that `git config --global` writes: GIT_CONFIG_GLOBAL, or the XDG one where only that exists, else `~/.gitconfig`. */
export function userConfigPath(): string {
  const global = process.env['GIT_CONFIG_GLOBAL'];
  if (global !== undefined && global !== '') return global;
  const { xdg, home } = userFiles();
  return !existsSync(home) && existsSync(xdg) ? xdg : home;
}

function userFiles(): { xdg: string; home: string } {
  const home = process.env['HOME'] ?? homedir();
  const xdg = process.env['XDG_CONFIG_HOME'];
  return { xdg: join(xdg !== undefined && xdg !== '' ? xdg : join(home, '.config'), 'git/config'), home: join(home, '.gitconfig') };
}

/** Configuration that holds outside any repository. */
export function loadUserConfig(): GitConfig {
  const conditions: Conditions = { gitDir: undefined, branch: () => undefined };
  const pairs = userPairs(conditions);
  environmentPairs(conditions, pairs);
  return createConfig(pairs);
}

function userPairs(conditions: Conditions): [string, string][] {
  const pairs: [string, string][] = [];
  const noSystem = process.env['GIT_CONFIG_NOSYSTEM'];
  if (noSystem === undefined || !parseBoolean('GIT_CONFIG_NOSYSTEM', noSystem)) {
    readPairs(process.env['GIT_CONFIG_SYSTEM'] ?? '/etc/gitconfig', conditions, pairs);
  }
  const global = process.env['GIT_CONFIG_GLOBAL'];
  if (global !== undefined) {
    if (global !== '') readPairs(global, conditions, pairs);
    return pairs;
  }
  const files = userFiles();
  readPairs(files.xdg, conditions, pairs);
  readPairs(files.home, conditions, pairs);
  return pairs;
}

function currentBranch(gitDir: string): string | undefined {
  try {
    return /^ref: refs\/heads\/(.*?)\s*$/.exec(readFileSync(join(gitDir, 'HEAD'), 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}

function readPairs(file: string, conditions: Conditions, pairs: [string, string][], depth = 0): void {
  if (depth > 10) throw new DStoreError('CONFIG_INVALID', `exceeded maximum include depth while including ${file}`);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return;
    throw toDStoreError(error, `cannot read ${file}`);
  }
  for (const { name, value } of scanConfig(text, file).items) {
    pairs.push([name, value]);
    followInclude(name, value, file, conditions, pairs, depth);
  }
}

function followInclude(
  name: string, value: string, file: string | undefined, conditions: Conditions, pairs: [string, string][], depth: number,
): void {
  if (!name.startsWith('include') || !name.endsWith('.path')) return;
  const wanted = name === 'include.path'
    || (name.startsWith('includeif.') && name.length > 15 && holds(name.slice(10, -5), file, conditions, pairs));
  if (!wanted || value === '') return;
  const expanded = expandHome(value);
  // A relative include has no meaning for values that come from the environment.
  if (!isAbsolute(expanded) && file === undefined) return;
  readPairs(isAbsolute(expanded) ? expanded : join(dirname(file ?? '/'), expanded), conditions, pairs, depth + 1);
}

/** `~/` as git expands it. */
export function expandHome(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(process.env['HOME'] ?? homedir(), path.slice(1)) : path;
}

function holds(condition: string, file: string | undefined, conditions: Conditions, pairs: readonly [string, string][]): boolean {
  const colon = condition.indexOf(':');
  const keyword = condition.slice(0, colon);
  let pattern = condition.slice(colon + 1);
  if (keyword === 'onbranch') {
    const branch = conditions.branch();
    if (pattern.endsWith('/')) pattern += '**';
    return branch !== undefined && wildmatch(pattern, false).test(branch);
  }
  if (keyword === 'hasconfig:remote.*.url' || condition.startsWith('hasconfig:remote.*.url:')) {
    const expression = wildmatch(condition.slice('hasconfig:remote.*.url:'.length), false);
    return pairs.some(([name, value]) => /^remote\..*\.url$/s.test(name) && expression.test(value));
  }
  if ((keyword !== 'gitdir' && keyword !== 'gitdir/i') || conditions.gitDir === undefined) return false;
  if (pattern.startsWith('~/')) pattern = expandHome(pattern);
  else if (pattern.startsWith('./')) pattern = join(dirname(realpathOr(file ?? '/')), pattern.slice(2)) + (pattern.endsWith('/') ? '/' : '');
  else if (!isAbsolute(pattern)) pattern = `**/${pattern}`;
  if (pattern.endsWith('/')) pattern += '**';
  pattern = pattern.replace(/\/\/+/g, '/');
  const expression = wildmatch(pattern, keyword === 'gitdir/i');
  return expression.test(realpathOr(conditions.gitDir)) || expression.test(resolve(conditions.gitDir));
}

function realpathOr(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}

function wildmatch(pattern: string, ignoreCase: boolean): RegExp {
  let source = '';
  for (let at = 0; at < pattern.length; at += 1) {
    const character = pattern[at] as string;
    if (character === '*') {
      if (pattern.startsWith('**/', at) && (at === 0 || pattern[at - 1] === '/')) {
        source += '(?:.*/)?';
        at += 2;
      } else if (pattern.slice(at) === '**' && (at === 0 || pattern[at - 1] === '/')) {
        source += '.*';
        at += 1;
      } else {
        while (pattern[at + 1] === '*') at += 1;
        source += '[^/]*';
      }
    } else if (character === '?') {
      source += '[^/]';
    } else if (character === '[' && pattern.indexOf(']', at + 2) > 0) {
      const end = pattern.indexOf(']', at + 2);
      source += `[${pattern.slice(at + 1, end).replace(/^!/, '^').replace(/\\/g, '\\\\')}]`;
      at = end;
    } else {
      if (character === '\\') at += 1;
      source += (pattern[at] ?? '').replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
    }
  }
  return new RegExp(`^${source}$`, ignoreCase ? 'is' : 's');
}

function environmentPairs(conditions: Conditions, pairs: [string, string][]): void {
  const found: [string, string][] = [];
  const count = Number(process.env['GIT_CONFIG_COUNT'] ?? '0');
  for (let index = 0; index < count; index += 1) {
    const name = process.env[`GIT_CONFIG_KEY_${index}`];
    const value = process.env[`GIT_CONFIG_VALUE_${index}`];
    if (name === undefined || value === undefined) {
      throw new DStoreError('CONFIG_INVALID', `GIT_CONFIG_COUNT is ${count}, but GIT_CONFIG_KEY_${index} or GIT_CONFIG_VALUE_${index} is missing`);
    }
    found.push([normalizeName(name), value]);
  }
  // `git -c name=value` hands its values to child processes as 'name'='value' (or 'name=value' before git 2.31), shell-quoted.
  const quoted = `'((?:[^']|'\\\\'')*)'`;
  for (const match of (process.env['GIT_CONFIG_PARAMETERS'] ?? '').matchAll(new RegExp(`${quoted}(?:=(?:${quoted})?)?`, 'g'))) {
    const unquote = (text: string): string => text.replaceAll(`'\\''`, `'`);
    const first = unquote(match[1] ?? '');
    if (match[0].endsWith('=')) found.push([normalizeName(first), 'true']);
    else if (match[2] !== undefined) found.push([normalizeName(first), unquote(match[2])]);
    else {
      const equals = first.indexOf('=');
      found.push(equals < 0 ? [normalizeName(first), 'true'] : [normalizeName(first.slice(0, equals)), first.slice(equals + 1)]);
    }
  }
  for (const [name, value] of found) {
    pairs.push([name, value]);
    followInclude(name, value, undefined, conditions, pairs, 0);
  }
}
