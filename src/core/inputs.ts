/** Inputs of the operations. The command line and the library use the same ones; sizes are bytes, paths may be relative to `cwd`. */

export interface Place {
  /** Absolute path of the folder the user stands in; relative paths and globs start here. */
  readonly cwd: string;
}

/** Which files: paths, folders and globs, narrowed by conditions. No path means everything below `cwd`. */
export interface Selection extends Place {
  readonly paths?: readonly string[];
  /** Only files whose content is in all of these places: `here`, a remote's name, a UUID or a description. */
  readonly in?: readonly string[];
  /** Only files whose content is in none of these places. */
  readonly notIn?: readonly string[];
  /** Only files larger / smaller than this many bytes. */
  readonly larger?: number;
  readonly smaller?: number;
  /** Only files whose path matches one of these globs / none of these. */
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  /** Go into nested datasets. */
  readonly recursive?: boolean;
}

export interface DryRun {
  /** Say what would be done, with bytes, and change nothing. */
  readonly dryRun?: boolean;
}

export interface CreateInput extends Place {
  readonly directory: string;
  /** Free text that names this clone in the location log; default user@host:path. */
  readonly description?: string;
  /** `text2git`: text files go to git, binary ones to the annex. */
  readonly configuration?: 'text2git' | 'yoda';
  /** git's core.sharedRepository: `group`, `all`, `umask`. */
  readonly shared?: string;
  /** Take an existing folder with files, or an existing git repository. */
  readonly force?: boolean;
}
export interface SaveInput extends Place, DryRun {
  readonly paths?: readonly string[];
  readonly message?: string;
  readonly recursive?: boolean;
  /** Leave untracked files alone. */
  readonly updated?: boolean;
  /** Everything goes to git, nothing to the annex. */
  readonly toGit?: boolean;
}
export interface StatusInput extends Place { readonly paths?: readonly string[]; readonly recursive?: boolean }
export interface CloneInput extends Place {
  /** STORE#ID, STORE#~ALIAS, with @VERSION; a ria+ URL; any git URL or path. */
  readonly source: string;
  readonly directory?: string;
  readonly description?: string;
}
export interface GetInput extends Selection, DryRun {
  /** Ask only this remote. */
  readonly from?: string;
  /** Install nested datasets without their content. */
  readonly noContent?: boolean;
}
export interface DropInput extends Selection, DryRun {
  /** Remove from this remote instead of from here. */
  readonly from?: string;
  /** Remove without verifying other copies. */
  readonly force?: boolean;
}
export interface PushInput extends Place, DryRun {
  /** STORE (path, URL, short name) or the name of a git remote; default: where this dataset was published last. */
  readonly to?: string;
  /** Alias of the dataset in the store, set on first publication. */
  readonly alias?: string;
  readonly recursive?: boolean;
  /** Sharing of a dataset directory created by this push: `group`, `all`. */
  readonly shared?: string;
}
export interface UpdateInput extends Place, DryRun {
  /** Name of the remote to take changes from; default: all that the branch follows. */
  readonly from?: string;
  readonly recursive?: boolean;
}
export interface LockInput extends Selection, DryRun { readonly force?: boolean }
export interface FindInput extends Selection {}
export interface WhereisInput extends Selection {}
export interface InfoInput extends Place { readonly target?: string }
export interface FsckInput extends Selection, DryRun {
  /** Check sizes and presence, not the bytes. */
  readonly fast?: boolean;
  /** Check what this remote has instead of what is here. */
  readonly from?: string;
}
export interface LogInput extends Place { readonly paths?: readonly string[]; readonly count?: number }
export interface RemoteListInput extends Place {}
export interface StoreInitInput extends Place {
  readonly path: string;
  /** Short name by which this user's commands call the store; written to the user's git configuration. */
  readonly name?: string;
  readonly shared?: string;
}
export interface StoreInput extends Place { readonly store: string }
export interface StoreListInput extends Place { /** No store: lists the stores that have short names. */ readonly store?: string }
export interface StoreAddDatasetInput extends Place { readonly store: string; readonly alias?: string; readonly shared?: string }
