/** Which command a command line is for. */
import { DStoreError } from '../core/errors.ts';
import { sanitize } from '../core/text.ts';
import type { Command } from './command.ts';
import { COMMANDS } from './commands/index.ts';
import { dashed, optionsOf, takesValue, unknownOption } from './option-table.ts';
import { nearest, OTHER_NAMES } from './suggest.ts';

export interface FoundCommand {
  readonly command: Command | undefined;
  /** First word of a two-word command whose second word is missing: `store`. */
  readonly prefix?: string;
  /** The command line without the words that name the command. */
  readonly rest: readonly string[];
}

/** @throws USAGE for a command or, before the command, an option that does not exist */
export function findCommand(words: readonly string[]): FoundCommand {
  const options = optionsOf(undefined);
  const rest: string[] = [];
  let prefix: string | undefined;
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? '';
    if (word.startsWith('-') && word !== '-') {
      rest.push(word);
      const typed = options.find((each) => word === `--${each.name}` || word === dashed(each.name) || word === `-${each.option.short}`);
      const known = typed !== undefined || options.some((each) => word.startsWith(`--${each.name}=`)) || !word.startsWith('--');
      if (!known) throw unknownOption(word.replace(/^-+/, '').replace(/=.*$/s, ''), options, 'dstore', 'dstore --help');
      if (typed !== undefined && takesValue(typed.option) && index + 1 < words.length) {
        index++;
        rest.push(words[index] ?? '');
      }
      continue;
    }
    const name = prefix === undefined ? word : `${prefix} ${word}`;
    const command = COMMANDS.find((each) => each.name === name);
    if (command !== undefined) return { command, rest: [...rest, ...words.slice(index + 1)] };
    if (prefix === undefined && COMMANDS.some((each) => each.name.startsWith(`${word} `))) {
      prefix = word;
      continue;
    }
    throw unknownCommand(name, prefix);
  }
  return { command: undefined, rest, ...(prefix === undefined ? {} : { prefix }) };
}

export function unknownCommand(name: string, prefix?: string): DStoreError {
  const names = COMMANDS.map((command) => command.name).filter((each) => prefix === undefined || each.startsWith(`${prefix} `));
  const meant = (Object.hasOwn(OTHER_NAMES, name) ? OTHER_NAMES[name] : undefined) ?? nearest(name, names);
  const suggestion = meant === undefined ? '' : `did you mean dstore ${meant}? `;
  return new DStoreError('USAGE', `there is no command ${JSON.stringify(sanitize(name))}`, { hint: `${suggestion}see dstore ${prefix === undefined ? '' : `${prefix} `}--help` });
}
