/** `--help`: made from the descriptions of the commands. */
import { usageOf, positionalsOf, type Command, type CommandGroup, type OptionGroup } from './command.ts';
import { COMMANDS } from './commands/index.ts';
import { unknownCommand } from './find-command.ts';
import { dashed, optionsOf, type TypedOption } from './option-table.ts';
import { padEnd } from './render/table.ts';
import { paintNothing, type Paint } from './terminal.ts';

export const GROUP_TITLES: Readonly<Record<CommandGroup, string>> = {
  Start: 'Start', Work: 'Work in a dataset', Content: 'Content', Look: 'Look', 'Stores and remotes': 'Stores and remotes', Other: 'Other',
};

/** Commands that are part of the program and not operations. */
export const OTHER_COMMANDS: readonly { readonly usage: string; readonly summary: string }[] = [
  { usage: 'help [COMMAND]', summary: 'show help for a command' },
  { usage: 'completion SHELL', summary: 'print what makes bash, zsh or fish complete dstore commands and paths' },
];

const EXIT_STATUSES = 'Exit status: 0 all done, 1 failed, 2 wrong command line, 3 done in part, 4 refused to protect data, '
  + '10 no such dataset, store or remote, 11 locked by another process, 12 a program is missing, 130 interrupted.';

const EXAMPLES: readonly string[] = [
  'dstore store init /data/store',
  'dstore create --force study && cd study && dstore save -m "first version"',
  'dstore push --to /data/store --alias study',
  'dstore clone /data/store#~study elsewhere && cd elsewhere && dstore get sub-01',
];

interface Place {
  readonly columns: number;
  readonly paintOut: Paint;
}

const PLAIN: Place = { columns: 100, paintOut: paintNothing };

/** @param words the command to explain, or nothing, or the first word of several commands (`store`) */
export function helpFor(words: readonly string[], place: Place = PLAIN): string {
  const name = words.filter((word) => !word.startsWith('-')).join(' ');
  if (name === '') return generalHelp(place);
  const command = COMMANDS.find((each) => each.name === name);
  if (command !== undefined) return commandHelp(command, place);
  const family = COMMANDS.filter((each) => each.name.startsWith(`${name} `));
  if (family.length === 0) throw unknownCommand(name);
  return `${place.paintOut('bold', `Usage: dstore ${name} COMMAND`)}\n\n${list(family.map(commandRow), place)}\nSee dstore ${name} COMMAND --help.\n`;
}

function commandRow(command: Command): [string, string] {
  return [command.name, command.summary];
}

function generalHelp(place: Place): string {
  const sections = (Object.keys(GROUP_TITLES) as CommandGroup[]).map((group) => {
    const rows: [string, string][] = group === 'Other'
      ? OTHER_COMMANDS.map(({ usage, summary }) => [usage, summary])
      : COMMANDS.filter((command) => command.group === group).map(commandRow);
    return `${place.paintOut('bold', GROUP_TITLES[group])}\n${list(rows, place, 18)}`;
  });
  const options = optionsOf(undefined).filter((typed) => typed.option.seldom !== true).map((typed) => optionRow(typed));
  return [
    `dstore keeps data under version control on the storage you own.\n\n${place.paintOut('bold', 'Usage: dstore COMMAND [OPTION…] [PATH…]')}\n\n`,
    sections.join('\n'),
    `\n${place.paintOut('bold', 'With every command')}\n${list(options, place)}`,
    `\n${place.paintOut('bold', 'Examples')}\n${EXAMPLES.map((example) => `  ${example}\n`).join('')}`,
    '\nSee dstore COMMAND --help. Paths and globs start at the current folder; a path that begins with a dash goes after --.\n',
  ].join('');
}

export function commandHelp(command: Command, place: Place = PLAIN): string {
  const bold = (text: string): string => place.paintOut('bold', text);
  const positionals = positionalsOf(command).map(([, each]): [string, string] => [each.placeholder, each.summary]);
  const groups: readonly OptionGroup[] = ['Options', 'Which files', 'Output', 'Seldom needed'];
  const options = optionsOf(command);
  const sections = groups.map((group) => {
    const rows = options.filter((typed) => groupOf(typed) === group).map((typed) => optionRow(typed));
    return rows.length === 0 ? '' : `\n${bold(group)}\n${list(rows, place)}`;
  });
  const paragraphs = [`${capital(command.summary)}.`, ...(command.description ?? [])];
  return [
    `${bold(`Usage: ${usageOf(command)}`)}\n`,
    ...paragraphs.map((paragraph) => `\n${wrap(paragraph, Math.min(place.columns, 100)).join('\n')}\n`),
    positionals.length === 0 ? '' : `\n${list(positionals, place)}`,
    ...sections,
    `\n${bold('Examples')}\n${command.examples.map(({ command: line, means }) => `  ${line}\n      ${place.paintOut('dim', means)}\n`).join('')}`,
    `\n${wrap(EXIT_STATUSES, Math.min(place.columns, 100)).join('\n')}\n`,
  ].join('');
}

/** The group in which help shows an option. */
export function groupOf(typed: TypedOption): OptionGroup {
  return typed.option.group ?? (typed.scope === 'global' ? 'Output' : 'Options');
}

/** `-m, --message MESSAGE`. */
export function optionUsage({ option, name }: TypedOption): string {
  const value = option.value === 'flag' ? ''
    : option.value === 'choice' ? ` ${option.choices.join('|')}`
      : option.value === 'size' ? ' SIZE'
        : option.value === 'count' ? ' N' : ` ${option.placeholder}`;
  const letter = option.short === undefined || option.short === name ? '' : `-${option.short}, `;
  return `${letter}${dashed(name)}${value}`;
}

function optionRow(typed: TypedOption): [string, string] {
  const usage = optionUsage(typed);
  return [usage.startsWith('--') ? `    ${usage}` : usage, typed.option.summary];
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

/** Two columns, the second wrapped; a first column that is too wide gets a line of its own. */
function list(rows: readonly (readonly [string, string])[], place: Place, least = 0): string {
  const width = Math.max(least, ...rows.map(([left]) => (left.length > 30 ? 0 : left.length)));
  const room = Math.max(30, Math.min(place.columns, 120) - width - 5);
  return rows.map(([left, right]) => {
    const lines = wrap(right, room);
    const pad = ' '.repeat(width + 4);
    const head = left.length > width ? [`  ${left}`, `${pad}${lines[0] ?? ''}`] : [`  ${padEnd(left, width)}  ${lines[0] ?? ''}`.trimEnd()];
    return [...head, ...lines.slice(1).map((line) => pad + line)].map((line) => `${line}\n`).join('');
  }).join('');
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
