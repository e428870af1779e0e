/**
 * What a command is: data from which parsing, `--help`, shell completion and docs/reference/cli.md are made.
 * Every field of an operation's input is described exactly once, and the type checker holds the two together.
 */
import type { ErrorCode } from '../core/errors.ts';
import type { Run } from '../core/run.ts';
import type { Place } from '../core/inputs.ts';

/** What a word on the command line stands for; completion offers these. */
export type Completion = 'path' | 'directory' | 'remote' | 'place' | 'store' | 'none';

interface OptionBase {
  readonly as: 'option';
  /** One letter: `m` for `-m`. */
  readonly short?: string;
  readonly summary: string;
  readonly group?: OptionGroup;
  /** Left out of `--help` lists that are meant to be short. */
  readonly seldom?: boolean;
}
export type OptionGroup = 'Options' | 'Which files' | 'Output' | 'Seldom needed';

/** `--name`: true when given. */
export interface FlagOption extends OptionBase { readonly value: 'flag' }
/** `--name VALUE`, once. */
export interface TextOption extends OptionBase { readonly value: 'text'; readonly placeholder: string; readonly complete?: Completion }
/** `--name VALUE`, as often as wanted. */
export interface TextsOption extends OptionBase { readonly value: 'texts'; readonly placeholder: string; readonly complete?: Completion }
/** `--name A`, one of a few words. */
export interface ChoiceOption extends OptionBase { readonly value: 'choice'; readonly choices: readonly string[] }
/** `--name 10MB`: bytes. */
export interface SizeOption extends OptionBase { readonly value: 'size' }
/** `--name 3`: a whole number above zero. */
export interface CountOption extends OptionBase { readonly value: 'count' }
export type Option = FlagOption | TextOption | TextsOption | ChoiceOption | SizeOption | CountOption;

interface PositionalBase {
  readonly as: 'positional';
  /** As shown in usage lines: `PATH`. */
  readonly placeholder: string;
  readonly summary: string;
  readonly complete: Completion;
}
/** One word. */
export interface OnePositional extends PositionalBase { readonly many: false; readonly required: boolean }
/** All words that are left. */
export interface ManyPositional extends PositionalBase { readonly many: true; readonly required: boolean }
export type Positional = OnePositional | ManyPositional;
export type Field = Option | Positional;

type FieldFor<Value> =
  [Value] extends [boolean] ? FlagOption
    : [Value] extends [number] ? SizeOption | CountOption
      : [Value] extends [readonly string[]] ? TextsOption | ManyPositional
        : [Value] extends [string] ? TextOption | ChoiceOption | OnePositional
          : never;

/** One description for every field of an input but `cwd`. */
export type Fields<Input> = { readonly [Name in Exclude<keyof Input, 'cwd'>]-?: FieldFor<NonNullable<Input[Name]>> };

export type Operation<Input> = (input: Input, run: Run) => Promise<void>;

export interface Example {
  readonly command: string;
  readonly means: string;
}

export type CommandGroup = 'Start' | 'Work' | 'Content' | 'Look' | 'Stores and remotes' | 'Other';

export interface CommandDescription<Input> {
  /** Words to type: `get`, `store init`. The record's action is the same with a dot. */
  readonly name: string;
  readonly group: CommandGroup;
  /** One line, without a period. */
  readonly summary: string;
  /** Paragraphs for `--help`. */
  readonly description?: readonly string[];
  /** Input fields; positionals in the order in which they are typed. */
  readonly fields: Fields<Input>;
  /** Options that change only how results are shown. */
  readonly display?: Readonly<Record<string, Option>>;
  readonly examples: readonly Example[];
  /** Errors a user of this command is likely to meet, for the reference. */
  readonly errors: readonly ErrorCode[];
  /** True when the records are what was asked for, and are printed on stdout one by one; false when a summary is enough. */
  readonly showsRecords: boolean;
  readonly load: () => Promise<Operation<Input>>;
}

/** A command whose input type is known only to itself. */
export interface Command extends Omit<CommandDescription<Place>, 'fields' | 'load'> {
  readonly fields: Readonly<Record<string, Field>>;
  readonly load: () => Promise<Operation<Place & Readonly<Record<string, unknown>>>>;
}

/** Checks a description against its input and gives up the input's type, so that commands fit in one table. */
export function defineCommand<Input extends Place>(description: CommandDescription<Input>): Command {
  return description as unknown as Command;
}

/** `notIn` → `not-in`. */
export function optionName(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

export function actionOf(command: { readonly name: string }): string {
  return command.name.replaceAll(' ', '.');
}

/** Positionals in order. */
export function positionalsOf(command: Command): [string, Positional][] {
  return Object.entries(command.fields).filter((entry): entry is [string, Positional] => entry[1].as === 'positional');
}

/** `dstore clone SOURCE [DIR]` without options. */
export function usageOf(command: Command): string {
  const words = positionalsOf(command).map(([, positional]) => {
    const word = positional.many ? `${positional.placeholder}…` : positional.placeholder;
    return positional.required ? word : `[${word}]`;
  });
  return ['dstore', command.name, '[OPTION…]', ...words].join(' ');
}
