/** Everything with a dash that can be typed. */
import { DStoreError } from '../core/errors.ts';
import { sanitize } from '../core/text.ts';
import { optionName, type Command, type Option } from './command.ts';
import { GLOBAL_OPTIONS, globalName } from './options.ts';
import { nearest } from './suggest.ts';

/** An option as it can be typed. */
export interface TypedOption {
  readonly scope: 'global' | 'input' | 'display';
  readonly field: string;
  /** Without dashes: the long name, or the letter when there is no long one. */
  readonly name: string;
  readonly option: Option;
}

/** Everything with a dash that can be typed for a command, or, without one, before it. */
export function optionsOf(command: Command | undefined): TypedOption[] {
  const list: TypedOption[] = [];
  for (const [field, described] of Object.entries(command?.fields ?? {})) {
    if (described.as === 'option') list.push({ scope: 'input', field, name: optionName(field), option: described });
  }
  for (const [field, option] of Object.entries(command?.display ?? {})) list.push({ scope: 'display', field, name: optionName(field), option });
  const taken = new Set(list.map((typed) => typed.option.short));
  for (const [field, option] of Object.entries(GLOBAL_OPTIONS)) {
    const free = option.short === undefined || !taken.has(option.short);
    const name = globalName(field) ?? option.short ?? field;
    if (free) {
      list.push({ scope: 'global', field, name, option });
    } else {
      const { short: _, ...rest } = option;
      list.push({ scope: 'global', field, name, option: rest });
    }
  }
  return list;
}

export function takesValue(option: Option): boolean {
  return option.value !== 'flag';
}

/** `--larger` or `-C`. */
export function dashed(name: string): string {
  return name.length === 1 ? `-${name}` : `--${name}`;
}

/** @param where what was typed so far: `dstore` or `dstore get` */
export function unknownOption(name: string, known: readonly TypedOption[], where: string, seeHelp: string): DStoreError {
  const best = nearest(name, known.map((each) => each.name).filter((each) => each.length > 1));
  const suggestion = best === undefined ? '' : `did you mean ${dashed(best)}? `;
  return new DStoreError('USAGE', `${where} has no option ${sanitize(dashed(name))}`, { hint: `${suggestion}see ${seeHelp}` });
}
