/** From words on the command line to the input of an operation. */
import { resolve } from 'node:path';
import parser from 'yargs-parser';
import { DStoreError } from '../core/errors.ts';
import { parseSize } from '../core/size.ts';
import { sanitize } from '../core/text.ts';
import { positionalsOf, usageOf, type Command, type Option } from './command.ts';
import { dashed, optionsOf, takesValue, unknownOption, type TypedOption } from './option-table.ts';

export interface GlobalValues {
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly json: boolean;
  readonly jsonProgress: boolean;
  readonly noProgress: boolean;
  readonly jobs: number | undefined;
  /** The folder to work in, absolute. */
  readonly cwd: string;
}

export interface ParsedCommand {
  readonly global: GlobalValues;
  /** Input of the operation, `cwd` included. */
  readonly input: { readonly cwd: string } & Readonly<Record<string, unknown>>;
  readonly display: Readonly<Record<string, unknown>>;
}

/** Separates `-mtext` into `-m text`, which yargs would read as five letters. */
function separateAttachedValues(words: readonly string[], byLetter: ReadonlyMap<string, Option>, byName: ReadonlyMap<string, Option>): string[] {
  const separated: string[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? '';
    if (word === '--') return [...separated, ...words.slice(index)];
    let valueFollows = false;
    if (/^-[^-]/.test(word)) {
      const letters = Array.from(word.slice(1));
      const at = letters.findIndex((letter) => {
        const option = byLetter.get(letter);
        return option === undefined || takesValue(option);
      });
      const option = byLetter.get(letters[at] ?? '');
      const attached = letters.slice(at + 1).join('');
      if (option !== undefined && attached !== '') {
        const flags = letters.slice(0, at).join('');
        if (flags !== '') separated.push(`-${flags}`);
        separated.push(`-${letters[at]}=${attached.replace(/^=/, '')}`);
        continue;
      }
      valueFollows = option !== undefined;
    } else if (word.startsWith('--') && !word.includes('=')) {
      const option = byName.get(word.slice(2));
      valueFollows = option !== undefined && takesValue(option);
    }
    const next = words[index + 1];
    if (valueFollows && next !== undefined) {
      separated.push(word, next);
      index++;
    } else {
      separated.push(word);
    }
  }
  return separated;
}

/** @param words the command line without the words that name the command */
export function parseWords(command: Command, words: readonly string[], workingDirectory: string): ParsedCommand {
  const typed = optionsOf(command);
  const byName = new Map(typed.map((each) => [each.name, each]));
  const byLetter = new Map(typed.flatMap((each) => (each.option.short === undefined ? [] : [[each.option.short, each] as const])));
  const withValue = typed.filter((each) => takesValue(each.option)).map((each) => each.name);
  const optionMap = (map: ReadonlyMap<string, TypedOption>): Map<string, Option> => new Map([...map].map(([name, each]) => [name, each.option]));
  const { argv, error } = parser.detailed(separateAttachedValues(words, optionMap(byLetter), optionMap(byName)), {
    alias: Object.fromEntries(typed.flatMap((each) => (each.option.short === undefined || each.option.short === each.name ? [] : [[each.name, each.option.short]]))),
    boolean: typed.filter((each) => !takesValue(each.option)).map((each) => each.name),
    string: ['_', ...withValue],
    narg: Object.fromEntries(withValue.map((name) => [name, 1])),
    configuration: {
      'boolean-negation': false, 'camel-case-expansion': false, 'dot-notation': false, 'greedy-arrays': false, 'nargs-eats-options': true,
      'parse-numbers': false, 'parse-positional-numbers': false, 'strip-aliased': true,
    },
  });
  const seeHelp = `dstore ${command.name} --help`;
  for (const name of Object.keys(argv)) {
    if (name === '_' || byName.has(name) || byLetter.has(name)) continue;
    throw unknownOption(name, typed, `dstore ${command.name}`, seeHelp);
  }
  if (error !== null) {
    const name = /: (.*)$/.exec(error.message)?.[1];
    throw new DStoreError('USAGE', name === undefined ? sanitize(error.message) : `${dashed(sanitize(name))} needs a value`, { hint: seeHelp });
  }

  const values = { global: {}, input: {}, display: {} } as Record<TypedOption['scope'], Record<string, unknown>>;
  for (const each of typed) {
    const value = convert(each, argv[each.name], seeHelp);
    if (value !== undefined) values[each.scope][each.field] = value;
  }
  const global = readGlobal(values.global, workingDirectory);
  const positionals = readPositionals(command, argv._.map(String), seeHelp);
  return { global, input: { ...values.input, ...positionals, cwd: global.cwd }, display: values.display };
}

function readGlobal(values: Readonly<Record<string, unknown>>, workingDirectory: string): GlobalValues {
  const directory = values['directory'];
  return {
    quiet: values['quiet'] === true,
    verbose: values['verbose'] === true,
    json: values['json'] === true || values['jsonProgress'] === true,
    jsonProgress: values['jsonProgress'] === true,
    noProgress: values['noProgress'] === true,
    jobs: typeof values['jobs'] === 'number' ? values['jobs'] : undefined,
    cwd: typeof directory === 'string' ? resolve(workingDirectory, directory) : workingDirectory,
  };
}

function readPositionals(command: Command, words: readonly string[], seeHelp: string): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  let next = 0;
  for (const [field, positional] of positionalsOf(command)) {
    if (positional.required && next >= words.length) {
      throw new DStoreError('USAGE', `${command.name} needs ${positional.placeholder}: ${positional.summary}`, { hint: `${usageOf(command)}; see ${seeHelp}` });
    }
    if (positional.many) {
      if (next < words.length) values[field] = words.slice(next);
      next = words.length;
    } else if (next < words.length) {
      values[field] = words[next];
      next++;
    }
  }
  const empty = words.indexOf('');
  if (empty !== -1) throw new DStoreError('USAGE', `word ${empty + 1} after ${command.name} is empty`, { hint: 'check the quotes and variables of the command line' });
  if (next < words.length) {
    throw new DStoreError('USAGE', `${command.name} does not take ${JSON.stringify(sanitize(words[next] ?? ''))}`, { hint: `${usageOf(command)}; see ${seeHelp}` });
  }
  return values;
}

function convert(typed: TypedOption, given: unknown, seeHelp: string): unknown {
  if (given === undefined) return undefined;
  const { option, name } = typed;
  const all = (Array.isArray(given) ? given : [given]) as readonly unknown[];
  // As with other programs, the last one counts, so that an alias in a shell can be overridden.
  const last = all.at(-1);
  if (option.value === 'flag') return last === true ? true : undefined;
  if (option.value === 'texts') return all.map(String);
  const text = String(last);
  if (option.value === 'text') return text;
  if (option.value === 'choice') {
    if (option.choices.includes(text)) return text;
    throw new DStoreError('USAGE', `${dashed(name)} cannot be ${JSON.stringify(sanitize(text))}`, { hint: `${dashed(name)} ${option.choices.join('|')}; see ${seeHelp}` });
  }
  if (option.value === 'size') {
    const bytes = parseSize(text);
    if (bytes !== undefined) return bytes;
    throw new DStoreError('USAGE', `${dashed(name)}: ${JSON.stringify(sanitize(text))} is not a size`, { hint: `for example ${dashed(name)} 10MB, 500kB or 1.5GiB` });
  }
  if (/^\d{1,9}$/.test(text) && Number(text) > 0) return Number(text);
  throw new DStoreError('USAGE', `${dashed(name)}: ${JSON.stringify(sanitize(text))} is not a whole number above zero`, { hint: seeHelp });
}
