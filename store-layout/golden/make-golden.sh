#!/usr/bin/env bash
# Makes golden stores with the real DataLad and git-annex, one .tar.gz each, and what a reader must find in them.
#
#   make-golden.sh OUTDIR
#
# Golden stores are never remade in place: a store that an old program wrote stays as it was written. UUIDs and
# clocks differ at every run. To cover a newer program, make stores into a new folder beside the existing ones.
set -euo pipefail

out=${1:?usage: make-golden.sh OUTDIR}
mkdir -p "$out"
out=$(cd "$out" && pwd -P)
build=/tmp/dstore-golden   # recorded in the datasets as where the store was made; it is elsewhere when it is read
[ ! -e "$build" ] || { echo "$build is in the way" >&2; exit 1; }
trap 'chmod -R u+w "$build"; rm -rf "$build"' EXIT
mkdir -p "$build/home"
export HOME=$build/home XDG_CONFIG_HOME=$build/home/.config XDG_CACHE_HOME=$build/home/.cache
export GIT_CONFIG_NOSYSTEM=1 LC_ALL=C.UTF-8 TZ=UTC DATALAD_UI_PROGRESSBAR=none
export GIT_AUTHOR_DATE='1700000000 +0000' GIT_COMMITTER_DATE='1700000000 +0000'
umask 022
git config --global user.name 'Golden Author'
git config --global user.email 'golden@example.org'
git config --global init.defaultBranch main
dl() { datalad -l error -f disabled "$@" >/dev/null; }
pack() { # NAME: $build/NAME/store → NAME.tar.gz
  tar -C "$build/$1" --sort=name --mtime=@1700000000 --owner=0 --group=0 --numeric-owner -cf - store | gzip -9n > "$out/$1.tar.gz"
}
expect() { # NAME ALIAS: what is in the dataset
  local id file first=1
  id=$(git config -f "$build/$1/source/.datalad/config" datalad.dataset.id)
  {
    printf '{\n  "dataset": "%s",\n  "alias": "%s",\n  "storage": "%s",\n  "commit": "%s",\n  "files": {' \
      "$id" "$2" "$(git -C "$build/$1/source" config remote.ria-storage.annex-uuid)" "$(git -C "$build/$1/source" rev-parse HEAD)"
    while IFS= read -r -d '' file; do
      [ "$first" = 1 ] || printf ','
      first=0
      printf '\n    "%s": "%s"' "$file" "$(sha256sum < "$build/$1/source/$file" | cut -d' ' -f1)"
    done < <(git -C "$build/$1/source" ls-files -z)
    printf '\n  }\n}\n'
  } > "$out/$1.json"
}
content() {
  mkdir -p 'folder/größe'
  printf 'binary\0one' > one.dat
  printf 'binary\0two' > 'folder/with blank.bin'
  printf 'binary\0three' > 'folder/größe/drei.nii.gz'
  printf 'same\0' > same1.dat
  printf 'same\0' > same2.dat
  : > empty.dat
  printf 'text in git\n' > README.md
}
source_dataset() { # NAME SEED
  mkdir -p "$build/$1"
  DATALAD_SEED=$2 dl create -c yoda "$build/$1/source"
  cd "$build/$1/source"
}

# empty: a store in which nothing was published yet
mkdir -p "$build/empty"
/usr/bin/python3 - "$build/empty/store" <<'PY'
import sys
from pathlib import Path
from datalad.customremotes.ria_utils import create_store
from datalad.distributed.ora_remote import LocalIO
create_store(LocalIO(), Path(sys.argv[1]), '1')
PY
pack empty

# loose: object layout 2, what DataLad makes
source_dataset loose 21
content; dl save -m content
dl create-sibling-ria -s ria --alias data --new-store-ok "ria+file://$build/loose/store"
dl push --to ria
pack loose; expect loose data

# layout-1: object layout 1
source_dataset layout-1 22
content; dl save -m content
dl create-sibling-ria -s ria --alias data --new-store-ok "ria+file://$build/layout-1/store"
for d in "$build"/layout-1/store/???/*; do echo 1 > "$d/ria-layout-version"; done
dl push --to ria
pack layout-1; expect layout-1 data

# archived: all content in archives/archive.7z
source_dataset archived 23
content; dl save -m content
dl create-sibling-ria -s ria --alias data --new-store-ok "ria+file://$build/archived/store"
dl push --to ria
for d in "$build"/archived/store/???/*; do
  dl export-archive-ora -d . "$d/archives/archive.7z"
  chmod -R u+w "$d/annex/objects"; rm -rf "$d/annex/objects"; mkdir "$d/annex/objects"
done
pack archived; expect archived data

printf '%s; git-annex %s; %s; %s\n' "$(git --version)" "$(git annex version --raw)" "$(datalad --version)" "$(7z | sed -n 2p | cut -c1-40)"
