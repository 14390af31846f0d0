#!/usr/bin/env bash
# From customers with several numbers to merged ones, and back: find, review, check, approve, run, undo.
#   CHECKER_TOKEN=… RUNNER_TOKEN=… examples/duplicates.sh pairs.csv [--fuzzy …]
#   UNDO=yes …      takes everything back at the end, as one does who only wants to see
# Options after the file are those of `custmerge duplicates`. The tokens are of two people or of service tokens that two
# people made: a supervisor, and somebody who may merge. Needs custmerge on the PATH.
set -euo pipefail
file=$1
shift
report=${file%.csv}.report.csv
examples=$(cd "$(dirname "$0")" && pwd)

checker() { CUSTMERGE_TOKEN=$CHECKER_TOKEN custmerge --no-input "$@"; }

# The file holds one pair a line, `survivor,absorbed,choice,take`; one that is there already isn't written over.
checker duplicates "$@" --out "$file"

# A person looks at every pair. A line that stays has `keep` or `adopt` as its choice where details differ; without a
# choice only identical records are merged. Who is somebody else goes out of the file, and for good with
# `custmerge duplicates dismiss A B --reason …`.
${REVIEW:-${EDITOR:-vi}} "$file"

# Checked, approved and run as every file of pairs. 7: it ran, and some lines were not merged; the report says why.
code=0
ACCEPT_REFUSED=yes "$examples/bulk.sh" "$file" "$report" || code=$?
[ "$code" = 0 ] || [ "$code" = 7 ] || exit "$code"

batch=$(checker bulk status "$file" --format csv | sed -n '2s/,.*//p')
echo "what was done: $report; all of it is taken back by: custmerge undo --batch $batch"
[ "${UNDO:-no}" = yes ] || exit "$code"
checker undo --batch "$batch" --yes
