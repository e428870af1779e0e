/** Sizes as people and git-annex write them: `10MB` (decimal), `1MiB` (binary), `2 gigabytes`, `100kb`, plain bytes. */

const PREFIXES = [
  ['Y', 'yotta', 'yobi', 8], ['Z', 'zetta', 'zebi', 7], ['E', 'exa', 'exbi', 6], ['P', 'peta', 'pebi', 5],
  ['T', 'tera', 'tebi', 4], ['G', 'giga', 'gibi', 3], ['M', 'mega', 'mebi', 2], ['k', 'kilo', 'kibi', 1],
] as const;

/** Lower-case unit → bytes. A unit's own letters may leave out the final `b`; only its full name has a plural. */
const UNITS: ReadonlyMap<string, number> = new Map<string, number>([
  ...PREFIXES.flatMap(([letter, decimal, binary, power]): [string, number][] => {
    const short = letter.toLowerCase();
    return [
      [short, 1000 ** power], [`${short}b`, 1000 ** power], [`${decimal}byte`, 1000 ** power], [`${decimal}bytes`, 1000 ** power],
      [`${short}i`, 1024 ** power], [`${short}ib`, 1024 ** power], [`${binary}byte`, 1024 ** power], [`${binary}bytes`, 1024 ** power],
      [`${short}bit`, 1000 ** power / 8], [`${decimal}bit`, 1000 ** power / 8], [`${decimal}bits`, 1000 ** power / 8],
    ];
  }),
  ['', 1], ['b', 1], ['byte', 1], ['bytes', 1],
]);

const NUMBER = /^(?:0[xX][0-9a-fA-F]+|0[oO][0-7]+|[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)/;

/** Half to even, as git-annex rounds fractions of a byte. */
function roundHalfEven(value: number): number {
  const rounded = Math.round(value);
  return value % 1 === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/**
 * Bytes in `text`, read the way git-annex reads sizes: a number, perhaps space, then a unit in any case; what follows the unit's
 * letters is ignored. `MB` is decimal, `MiB` binary, `Mbit` an eighth of `MB`.
 * @returns undefined when it is no size, is negative or too large to hold
 */
export function parseSize(text: string): number | undefined {
  let rest = text.trimStart();
  const number = NUMBER.exec(rest)?.[0];
  if (number === undefined) return undefined;
  rest = rest.slice(number.length).trimStart();
  const unit = /^\p{L}*/u.exec(rest)?.[0] ?? '';
  const factor = UNITS.get(unit.toLowerCase());
  if (factor === undefined) return undefined;
  const bytes = roundHalfEven(Number(number) * factor);
  return Number.isFinite(bytes) ? bytes : undefined;
}

const SHOWN = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'] as const;

/** `bytes` for people, decimal, three significant digits at most: `0 B`, `999 B`, `1.5 kB`, `300 MB`. */
export function formatSize(bytes: number): string {
  const sign = bytes < 0 ? '-' : '';
  let value = Math.abs(bytes);
  let unit = 0;
  // 999.5 and more would be shown as 1000 of this unit.
  while (value >= (unit === 0 ? 1000 : 999.5) && unit < SHOWN.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  const shown = value.toFixed(digits);
  return `${sign}${digits === 0 ? shown : String(Number(shown))} ${SHOWN[unit] ?? 'B'}`;
}
