#!/usr/bin/env bash
# The outside judge on adult, long shelf: runs the main job on the judge's own split and prints its scores
# beside SDV's Gaussian copula. Needs the shared data folder (SYNTHFLEET_SHARED or ../shared) and Python.
set -euo pipefail
cd "$(dirname "$0")/.."
shared=${SYNTHFLEET_SHARED:-../shared}
target=${CARGO_TARGET_DIR:-target}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/judge"
"$work/judge/bin/pip" install -q -r "$shared/peers/requirements.txt"
"$work/judge/bin/python" "$shared/peers/split.py" "$shared/data/adult.csv.gz" "$work"
"$target/release/synthfleet" run "$work/train.csv" --holdout-source "$work/holdout.csv" --target income -o "$work/out" --no-progress
"$work/judge/bin/python" "$shared/peers/score.py" "$work/train.csv" "$work/holdout.csv" "$work/out/synthetic.csv" --target income
for _ in 1 2 3; do
    "$work/judge/bin/python" "$shared/peers/run_peer.py" sdv:GaussianCopulaSynthesizer "$work/train.csv" "$work/sdv.csv"
done
"$work/judge/bin/python" "$shared/peers/score.py" "$work/train.csv" "$work/holdout.csv" "$work/sdv.csv" --target income
