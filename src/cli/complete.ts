/**
 * What could come next on a command line: `dstore __complete -- WORDS…`, the last word being the one that is typed.
 * The scripts of completion-scripts.ts ask this; nothing but the folder that is completed and git's configuration is read.
 */
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { positionalsOf, type Command, type Completion, type Option } from './command.ts';
import { COMMANDS } from './commands/index.ts';
import { dashed, optionsOf, takesValue, type TypedOption } from './option-table.ts';
import { lastWordOf, wordsOf } from './shell-words.ts';

type Env = Readonly<Record<string, string | undefined>>;

interface Candidate {
  readonly value: string;
  readonly description?: string;
}

/** `files`: shells quote and abbreviate the values as file names. */
interface Candidates {
  readonly kind: 'words' | 'files';
  readonly items: readonly Candidate[];
}

const NONE: Candidates = { kind: 'words', items: [] };

/**
 * @param args `[-0] -- WORDS…`, or `[-0] --line TEXT --breaks CHARACTERS` with a command line as typed in bash, quotes and all
 * @returns one line per candidate, its description after a tab; with -0 every item ends in NUL and the first one is the kind: `words` or
 * `files`. Without -0, names that hold a tab or a newline are left out.
 */
export function completeWords(args: readonly string[], cwd: string, env: Env): string {
  const dashes = args.indexOf('--');
  const flags = dashes === -1 ? args : args.slice(0, dashes);
  const value = (flag: string): string | undefined => (flags.includes(flag) ? flags[flags.indexOf(flag) + 1] : undefined);
  const line = value('--line');
  const words = line === undefined ? args.slice(dashes + 1) : wordsOf(line).slice(1);
  const cut = line === undefined ? 0 : lastWordOf(line, value('--breaks') ?? '').replacedFrom;
  const { kind, items } = candidates(words, cwd, env);
  const shown = items.map((item) => ({ ...item, value: item.value.slice(cut) }));
  if (!flags.includes('-0')) {
    return shown.filter((item) => !/[\t\n]/.test(item.value)).map((item) => `${item.value}${item.description === undefined ? '' : `\t${item.description}`}\n`).join('');
  }
  const texts = shown.map((item) => (kind === 'files' || item.description === undefined ? item.value : `${item.value}\t${item.description}`));
  return [kind, ...texts].map((text) => `${text}\0`).join('');
}

function candidates(words: readonly string[], cwd: string, env: Env): Candidates {
  const current = words.at(-1) ?? '';
  const state = readBefore(words.slice(0, -1), cwd);
  const place = { cwd: state.cwd, env };
  if (state.valueOf !== undefined) return valuesOf(state.valueOf, current, '', place);
  if (!state.onlyPaths && current.startsWith('-')) {
    const typed = optionsOf(state.command);
    const equals = /^(--[a-z-]+=)(.*)$/s.exec(current);
    if (equals === null) return matching(typed.flatMap(optionWords), current);
    const option = typed.find((each) => `--${each.name}=` === equals[1])?.option;
    return option === undefined ? NONE : valuesOf(option, equals[2] ?? '', equals[1] ?? '', place);
  }
  if (state.command === undefined) return matching(commandWords(state.words), current);
  const positionals = positionalsOf(state.command);
  const positional = positionals[Math.min(state.words.length, positionals.length - 1)]?.[1];
  if (positional === undefined || (state.words.length >= positionals.length && !positional.many)) return NONE;
  return completions(positional.complete, current, '', place, state.onlyPaths);
}

interface Before {
  readonly command: Command | undefined;
  /** Words that are no options: of the command's name while there is no command, else its positionals. */
  readonly words: readonly string[];
  /** The option whose value comes next. */
  readonly valueOf: Option | undefined;
  /** After `--`. */
  readonly onlyPaths: boolean;
  readonly cwd: string;
}

function readBefore(before: readonly string[], start: string): Before {
  let command: Command | undefined;
  let words: string[] = [];
  let valueOf: TypedOption | undefined;
  let onlyPaths = false;
  let cwd = start;
  for (const word of before) {
    if (valueOf !== undefined) {
      if (valueOf.field === 'directory' && valueOf.scope === 'global') cwd = resolve(cwd, word);
      valueOf = undefined;
    } else if (!onlyPaths && word === '--') {
      onlyPaths = true;
    } else if (!onlyPaths && word.startsWith('-') && word !== '-') {
      const typed = optionsOf(command).find((each) => word === dashed(each.name) || (each.option.short !== undefined && new RegExp(`^-[a-zA-Z0-9]*${each.option.short}$`).test(word)));
      valueOf = typed !== undefined && takesValue(typed.option) ? typed : undefined;
    } else {
      words = [...words, word];
      if (command === undefined) {
        command = COMMANDS.find((each) => each.name === words.join(' '));
        if (command !== undefined) words = [];
      }
    }
  }
  return { command, words, valueOf: valueOf?.option, onlyPaths, cwd };
}

function commandWords(words: readonly string[]): Candidate[] {
  if (words[0] === 'completion') return words.length === 1 ? ['bash', 'zsh', 'fish'].map((value) => ({ value })) : [];
  const path = words[0] === 'help' ? words.slice(1) : words;
  const start = path.map((word) => `${word} `).join('');
  const found = new Map<string, string>();
  for (const { name, summary } of COMMANDS) {
    if (!name.startsWith(start)) continue;
    const [next = '', more] = name.slice(start.length).split(' ');
    found.set(next, more === undefined ? summary : COMMANDS.filter((each) => each.name.startsWith(`${next} `)).map((each) => each.name.slice(next.length + 1)).join(', '));
  }
  if (words.length === 0) {
    found.set('help', 'show help for a command');
    found.set('completion', 'print the completion script of a shell');
  }
  return [...found].map(([value, description]) => ({ value, description }));
}

function optionWords({ name, option }: TypedOption): Candidate[] {
  const names = new Set([dashed(name), ...(option.short === undefined ? [] : [`-${option.short}`])]);
  return [...names].map((value) => ({ value, description: option.summary }));
}

function matching(items: readonly Candidate[], current: string): Candidates {
  // A single dash asks for letters too; two dashes or more ask for names.
  return { kind: 'words', items: items.filter((item) => item.value.startsWith(current)) };
}

interface Where {
  readonly cwd: string;
  readonly env: Env;
}

/** @param before what is typed in front of the value in the same word: `--in=` */
function valuesOf(option: Option, current: string, before: string, where: Where): Candidates {
  if (option.value === 'choice') return { kind: 'words', items: option.choices.filter((choice) => choice.startsWith(current)).map((choice) => ({ value: before + choice })) };
  return option.value === 'text' || option.value === 'texts' ? completions(option.complete ?? 'none', current, before, where, true) : NONE;
}

function completions(kind: Completion, current: string, before: string, where: Where, dashesAllowed: boolean): Candidates {
  if (kind === 'none') return NONE;
  if (kind === 'path' || kind === 'directory') return { kind: 'files', items: entries(current, kind === 'directory', where, dashesAllowed).map((value) => ({ value: before + value })) };
  const names = remoteNames(where.cwd).map((value): Candidate => ({ value, description: 'remote' }));
  if (kind === 'place') names.unshift({ value: 'here', description: 'this clone' });
  const named = names.filter((item) => item.value.startsWith(current)).map((item) => ({ ...item, value: before + item.value }));
  if (kind !== 'store') return { kind: 'words', items: named };
  named.push(...storeNames(where.env).filter((name) => name.startsWith(current)).map((name) => ({ value: before + name, description: 'store' })));
  const folders = entries(current, true, where, dashesAllowed).map((value) => ({ value: before + value }));
  return { kind: 'files', items: [...named, ...folders] };
}

/** Files and folders that begin with what is typed, folders with a slash at the end. A file need not have its content here: its link counts. */
function entries(current: string, onlyFolders: boolean, { cwd, env }: Where, dashesAllowed: boolean): string[] {
  const slash = current.lastIndexOf('/') + 1;
  const typed = current.slice(0, slash);
  const begin = current.slice(slash);
  const home = typed.startsWith('~/') ? env['HOME'] : undefined;
  const directory = home === undefined ? resolve(cwd, typed) : join(home, typed.slice(2));
  const found: string[] = [];
  try {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      const { name } = entry;
      if (!name.startsWith(begin) || name === '.git' || (name.startsWith('.') && !begin.startsWith('.'))) continue;
      const isFolder = entry.isDirectory() || (onlyFolders && entry.isSymbolicLink() && leadsToFolder(join(directory, name)));
      if (onlyFolders && !isFolder) continue;
      const word = `${typed}${name}${isFolder ? '/' : ''}`;
      found.push(word.startsWith('-') && !dashesAllowed ? `./${word}` : word);
    }
  } catch {
    // A folder that cannot be read has nothing to offer; an error in the middle of a typed line would only disturb.
    return [];
  }
  return found.sort();
}

function leadsToFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** Names of the remotes in the configuration of the repository around a folder. */
function remoteNames(cwd: string): string[] {
  for (let directory = cwd; ; directory = dirname(directory)) {
    const config = readText(join(directory, '.git', 'config')) ?? readText(join(linkedGitDirectory(directory) ?? '/nonexistent', 'config'));
    if (config !== undefined) {
      return [...config.matchAll(/^[ \t]*\[remote "((?:[^"\\\n]|\\.)*)"\]/gm)].map((match) => (match[1] ?? '').replace(/\\(.)/g, '$1')).sort();
    }
    if (dirname(directory) === directory) return [];
  }
}

/** Short names of stores in the user's git configuration: `dstore.store.NAME.url`. */
function storeNames(env: Env): string[] {
  const home = env['HOME'] ?? '/nonexistent';
  const files = [join(home, '.gitconfig'), join(env['XDG_CONFIG_HOME'] || join(home, '.config'), 'git', 'config')];
  return files.flatMap((file) => [...(readText(file) ?? '').matchAll(/^[ \t]*\[dstore "store\.((?:[^"\\\n]|\\.)*)"\]/gim)]).map((match) => (match[1] ?? '').replace(/\\(.)/g, '$1')).sort();
}

/** The common git directory that a `.git` file of a submodule or linked work tree leads to. */
function linkedGitDirectory(directory: string): string | undefined {
  const target = /^gitdir: (.*)$/m.exec(readText(join(directory, '.git')) ?? '')?.[1];
  if (target === undefined) return undefined;
  const gitDirectory = resolve(directory, target);
  const common = readText(join(gitDirectory, 'commondir'))?.trim();
  return common === undefined ? gitDirectory : resolve(gitDirectory, common);
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
