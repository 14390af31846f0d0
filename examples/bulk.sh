#!/usr/bin/env bash
# A nightly bulk merge: check, have it approved, run, go on until it is done. Needs custmerge on the PATH.
#   CHECKER_TOKEN=… RUNNER_TOKEN=… examples/bulk.sh pairs.csv [report.csv]
# The tokens are of two people or of service tokens that two people made: a supervisor, and somebody who may merge.
set -euo pipefail
file=$1
report=${2:-${file%.csv}.report.csv}

# 7: some rows wouldn't be merged. They are in the report, and a person decides whether the rest may go on without them.
code=0
CUSTMERGE_TOKEN=$CHECKER_TOKEN custmerge --no-input bulk check "$file" --report "$report" || code=$?
[ "$code" = 0 ] || [ "${ACCEPT_REFUSED:-no}" = yes ] || { echo "not run: see $report" >&2; exit "$code"; }

# 6: it is approved already, by the night that was cut off.
code=0
CUSTMERGE_TOKEN=$CHECKER_TOKEN custmerge --no-input bulk approve "$file" --yes || code=$?
[ "$code" = 0 ] || [ "$code" = 6 ] || exit "$code"

# 8: the database was away or locked. What was committed stays, and the same command goes on.
for pause in 1 10 60 0; do
  code=0
  CUSTMERGE_TOKEN=$RUNNER_TOKEN custmerge --no-input bulk run "$file" --report "$report" || code=$?
  [ "$code" = 8 ] || break
  sleep "$pause"
done
exit "$code"
