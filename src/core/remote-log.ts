/** Values of `remote.log` on the git-annex branch: the configuration of one special remote. */
import { compareUtf8 } from './utf8.ts';

/** Parameters of a special remote by name, e.g. `type`, `name`, `url`. */
export type RemoteConfig = Readonly<Record<string, string>>;

/** What git-annex takes as white space: U+0009…U+000D and the Unicode space separators. */
const SPACE = /[\t-\r\p{Zs}]/u;
const SPACES = /[\t-\r\p{Zs}]+/u;
const ESCAPED = /[&\t-\r\p{Zs}]/gu;

function unescapeValue(text: string): string {
  return text.replace(/&(\d+);/g, (all: string, digits: string) => {
    const code = Number(digits);
    return code <= 0x10ffff ? String.fromCodePoint(code) : all;
  });
}

/**
 * Reads `key=value` words separated by white space; `&N;` stands for the character with decimal code point N.
 * A word without `=` has an empty value; the last of several words with one key counts.
 */
export function parseRemoteConfig(value: string): RemoteConfig {
  const entries: [string, string][] = [];
  for (const word of value.split(SPACES)) {
    if (word === '') continue;
    const equals = word.indexOf('=');
    if (equals < 0) entries.push([word, '']);
    else entries.push([word.slice(0, equals), unescapeValue(word.slice(equals + 1))]);
  }
  return Object.fromEntries(entries);
}

/**
 * Writes the words sorted by key, `&` and white space in values escaped. Keys with white space or `=` cannot be written and are
 * left out.
 */
export function printRemoteConfig(config: RemoteConfig): string {
  return Object.entries(config)
    .filter(([key]) => key !== '' && !key.includes('=') && !SPACE.test(key))
    .sort(([a], [b]) => compareUtf8(a, b))
    .map(([key, value]) => `${key}=${value.replace(ESCAPED, character => `&${character.codePointAt(0) as number};`)}`)
    .join(' ');
}
