/** docs/reference/cli.md and docs/reference/errors.md, written from the tables that the program runs on. */
import { ERROR_CODES, EXIT, type ErrorCode } from '../core/errors.ts';
import { actionOf, positionalsOf, usageOf, type Command } from './command.ts';
import { COMMANDS } from './commands/index.ts';
import { GROUP_TITLES, groupOf, OTHER_COMMANDS, optionUsage } from './help.ts';
import { optionsOf, type TypedOption } from './option-table.ts';

const NOTE = '<!-- Made by bin/docs.js from the descriptions in the code; edit those. -->';

const EXIT_MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: 'all done, or nothing to do',
  failure: 'nothing of it could be done',
  usage: 'the command line is wrong',
  partial: 'a part was done, a part failed or was refused',
  refused: 'refused, to protect data',
  notFound: 'no dataset, store or remote there',
  locked: 'another process holds a lock; try again later',
  toolMissing: 'a program that this needs is not installed',
  interrupted: 'interrupted; the same command continues',
};

export function cliReference(): string {
  const groups = [...new Set(COMMANDS.map((command) => command.group))];
  const contents = groups.map((group) => `- ${GROUP_TITLES[group]}: ${COMMANDS.filter((each) => each.group === group).map((each) => `[${each.name}](#dstore-${each.name.replaceAll(' ', '-')})`).join(', ')}`);
  return [
    `# Commands\n\n${NOTE}\n`,
    'Data and results go to standard output; progress, warnings and errors to standard error. Paths and globs start at the current folder.',
    'A path that begins with a dash goes after `--`. Sizes are decimal (`10MB`, `500kB`) or binary (`1GiB`).\n',
    `${contents.join('\n')}\n`,
    `## With every command\n\n${optionTable(optionsOf(undefined))}`,
    `## Exit status\n\n| status | meaning |\n| --- | --- |\n${(Object.keys(EXIT) as (keyof typeof EXIT)[]).map((name) => `| ${EXIT[name]} | ${EXIT_MEANINGS[name]} |`).join('\n')}\n`,
    'When everything failed, the status is that of the first error; see [errors](errors.md).\n',
    ...groups.flatMap((group) => COMMANDS.filter((each) => each.group === group).map(commandSection)),
    `## Other commands\n\n| command | |\n| --- | --- |\n${OTHER_COMMANDS.map(({ usage, summary }) => `| \`dstore ${usage}\` | ${cell(summary)} |`).join('\n')}`,
  ].join('\n') + '\n';
}

function commandSection(command: Command): string {
  const own = optionsOf(command).filter((typed) => typed.scope !== 'global');
  const positionals = positionalsOf(command).map(([, each]) => `| \`${each.placeholder}\` | ${cell(each.summary)} |`);
  return [
    `## dstore ${command.name}\n`,
    `\`${usageOf(command)}\`\n`,
    `${command.summary.slice(0, 1).toUpperCase()}${command.summary.slice(1)}.\n`,
    ...(command.description ?? []).map((paragraph) => `${paragraph}\n`),
    ...(positionals.length === 0 ? [] : [`| | |\n| --- | --- |\n${positionals.join('\n')}\n`]),
    ...(own.length === 0 ? [] : [optionTable(own)]),
    `\`\`\`sh\n${command.examples.map(({ command: line, means }) => `# ${means}\n${line}`).join('\n')}\n\`\`\`\n`,
    `Records: \`${actionOf(command)}\` ([JSON](json.md)). Errors to expect: ${command.errors.map((code) => `[${code}](errors.md)`).join(', ')}.\n`,
  ].join('\n');
}

function optionTable(options: readonly TypedOption[]): string {
  return `| option | |\n| --- | --- |\n${options.map((typed) => `| \`${optionUsage(typed).replaceAll('|', '\\|')}\` | ${cell(typed.option.summary)}${groupOf(typed) === 'Seldom needed' ? ' (seldom needed)' : ''} |`).join('\n')}\n`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

export function errorsReference(): string {
  const rows = (Object.keys(ERROR_CODES) as ErrorCode[]).map((code) => {
    const [exit, meaning] = ERROR_CODES[code];
    const commands = COMMANDS.filter((command) => command.errors.includes(code)).map((command) => `[${command.name}](cli.md#dstore-${command.name.replaceAll(' ', '-')})`);
    return `| \`DSTORE_E_${code}\` | ${exit} | ${cell(meaning)} | ${commands.join(', ')} |`;
  });
  return [
    `# Errors\n\n${NOTE}\n`,
    'Every error has a code that does not change, a message that says what failed, on what and why, and mostly a hint: the next command to type.',
    'In JSON and in the library the code is `DSTORE_E_` and a name; `-v` shows it in text. One error or refusal about one file is a record of that',
    'file, and the other files go on; the exit status is then 3. Status 4 means that dstore refused, to protect data, and changed nothing.\n',
    `| code | exit status | meaning | above all in |\n| --- | --- | --- | --- |\n${rows.join('\n')}`,
  ].join('\n') + '\n';
}
