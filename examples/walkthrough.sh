#!/usr/bin/env bash
# The article's whole way with the example customers, as a person would type it. Needs custmerge on the PATH.
#   examples/walkthrough.sh                                a database in a temporary folder
#   CUSTMERGE_DATABASE_URL=postgresql://… examples/walkthrough.sh     an empty one of yours
set -euo pipefail
examples=$(cd "$(dirname "$0")" && pwd)
export CUSTMERGE_DATABASE_URL=${CUSTMERGE_DATABASE_URL:-sqlite:///$(mktemp -d)/walkthrough.db}

say() { printf '\n# %s\n' "$*"; }
# Runs a command that is to end with the given code.
ends_with() {
  local expected=$1 code=0
  shift
  "$@" || code=$?
  [ "$code" = "$expected" ] || { echo "ended with $code instead of $expected: $*" >&2; exit 1; }
}

say "A database, its first supervisor, and the customers."
custmerge init --supervisor anna --password-stdin <<< "nur-in-der-vorfuehrung"
CUSTMERGE_TOKEN=$(custmerge login --staff anna --password-stdin --print-token <<< "nur-in-der-vorfuehrung")
export CUSTMERGE_TOKEN
custmerge import customers "$examples/customers.csv"
custmerge import packages "$examples/packages.csv"

say "Fahrrad Nord has two numbers that say the same in another writing: no choice is needed, only the proof."
custmerge diff 20017 --into 10005
custmerge merge 20017 --into 10005 --domain fahrrad-nord-teile.example --password-stdin --yes <<< "klingel-20017"

say "Thomas Brandt calls: he has several numbers and wants 10002."
custmerge find "brandt stuttgart"

say "20011 has another street: its package keeps that address."
ends_with 1 custmerge diff 20011 --into 10002
ends_with 4 custmerge merge 20011 --into 10002 --domain brandt-koenigstrasse.example --password-stdin --keep --yes <<< "geraten"
custmerge merge 20011 --into 10002 --domain brandt-koenigstrasse.example --password-stdin --keep --yes <<< "mueller-20011"

say "20012 belongs to Tomas, not to Thomas: blocked."
ends_with 3 custmerge diff 20012 --into 10002

say "An empty record takes nothing away; --fill would take what is missing in the other direction."
custmerge merge 10004 --into 20015 --domain yilmaz.example --password-stdin --adopt --fill --dry-run <<< "kreuzberg-10004"

say "The number that was taken over leads to the one that was kept."
custmerge show 20011

say "What happened."
custmerge history --limit 5
