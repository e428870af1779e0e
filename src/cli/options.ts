import type { FlagOption, ManyPositional, Option, SizeOption, TextOption, TextsOption } from './command.ts';

/** Options that every command has. Their values go to the program, not to the operation. */
export const GLOBAL_OPTIONS: Readonly<Record<string, Option>> = {
  quiet: { as: 'option', value: 'flag', short: 'q', summary: 'say nothing but errors and the data asked for', group: 'Output' },
  verbose: { as: 'option', value: 'flag', short: 'v', summary: 'one line for every file', group: 'Output' },
  json: { as: 'option', value: 'flag', summary: 'one JSON record per line, then a summary record', group: 'Output' },
  jsonProgress: { as: 'option', value: 'flag', summary: 'like --json, with progress events', group: 'Output', seldom: true },
  noProgress: { as: 'option', value: 'flag', summary: 'no progress display', group: 'Output', seldom: true },
  directory: { as: 'option', value: 'text', short: 'C', placeholder: 'DIR', complete: 'directory', summary: 'run as if started in DIR', group: 'Output' },
  jobs: {
    as: 'option', value: 'count', short: 'J', summary: 'how many things to do at a time; the default is right', group: 'Seldom needed', seldom: true,
  },
  help: { as: 'option', value: 'flag', short: 'h', summary: 'show help', group: 'Output' },
};

/** How a global option is typed where that is not its field name in kebab case. */
const GLOBAL_NAMES: Readonly<Record<string, string | undefined>> = { directory: undefined };

/** The long name of a global option, or undefined when it has only a letter. */
export function globalName(field: string): string | undefined {
  return field in GLOBAL_NAMES ? GLOBAL_NAMES[field] : field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

export const dryRun: FlagOption = {
  as: 'option', value: 'flag', short: 'n', summary: 'say what would be done, with bytes, and change nothing',
};
export const recursive: FlagOption = { as: 'option', value: 'flag', short: 'r', summary: 'go into nested datasets' };
export const description: TextOption = {
  as: 'option', value: 'text', placeholder: 'TEXT', complete: 'none', summary: 'what people will see this clone called; default user@host:path',
};
export const shared: { readonly as: 'option'; readonly value: 'choice'; readonly choices: readonly string[]; readonly summary: string } = {
  as: 'option', value: 'choice', choices: ['group', 'all', 'umask'], summary: 'who else may write: the group, everybody, or what the umask says',
};

export function paths(summary: string): ManyPositional {
  return { as: 'positional', placeholder: 'PATH', many: true, required: false, complete: 'path', summary };
}

interface SelectionFields {
  readonly paths: ManyPositional;
  readonly in: TextsOption;
  readonly notIn: TextsOption;
  readonly larger: SizeOption;
  readonly smaller: SizeOption;
  readonly include: TextsOption;
  readonly exclude: TextsOption;
  readonly recursive: FlagOption;
}

/** The fields of `Selection`. */
export const selection: SelectionFields = {
  paths: paths('files, folders and globs; everything below the current folder when there is none'),
  in: {
    as: 'option', value: 'texts', placeholder: 'PLACE', complete: 'place', group: 'Which files',
    summary: 'only files whose content is there: here, a remote, a UUID or a description; repeat for several places at once',
  },
  notIn: { as: 'option', value: 'texts', placeholder: 'PLACE', complete: 'place', group: 'Which files', summary: 'only files whose content is not there' },
  larger: { as: 'option', value: 'size', group: 'Which files', summary: 'only files larger than this, such as 10MB or 1GiB' },
  smaller: { as: 'option', value: 'size', group: 'Which files', summary: 'only files smaller than this' },
  include: { as: 'option', value: 'texts', placeholder: 'GLOB', complete: 'none', group: 'Which files', summary: 'only files whose path matches' },
  exclude: { as: 'option', value: 'texts', placeholder: 'GLOB', complete: 'none', group: 'Which files', summary: 'no files whose path matches' },
  recursive: { ...recursive, group: 'Which files' },
};
