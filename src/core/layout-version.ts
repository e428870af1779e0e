import { DStoreError } from './errors.ts';

/** What a `ria-layout-version` file says. */
export interface LayoutVersion {
  /** Store level: `1`. Dataset level: `1` (lower hash directories) or `2` (mixed). Anything else is unknown, and then read-only. */
  readonly version: string;
  /** Letters with a meaning to DataLad; only `l` (log errors into the store) is known. Empty when there are none. */
  readonly flags: string;
}

/**
 * Reads the content of a `ria-layout-version` file: `VERSION` or `VERSION|FLAGS`, white space around it ignored.
 * @throws STORE_CORRUPT when there is no version or more than one `|`
 */
export function parseLayoutVersion(content: string): LayoutVersion {
  const [version, flags, ...rest] = content.trim().split('|');
  if (version === undefined || version === '' || rest.length > 0) {
    const found = JSON.stringify(content.slice(0, 80));
    throw new DStoreError('STORE_CORRUPT', `cannot understand ria-layout-version: expected VERSION or VERSION|FLAGS, found ${found}`, {
      hint: 'restore the file: "1" at the top of a store, "1" or "2" in a dataset directory, as before the damage',
    });
  }
  return { version, flags: flags ?? '' };
}
