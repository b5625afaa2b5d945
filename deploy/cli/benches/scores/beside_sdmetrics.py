"""Times scores beside SDMetrics on the same pair of tables, in one run.

    python beside_sdmetrics.py SYNTHFLEET REAL.csv SYNTHETIC.csv [ROUNDS]

Needs sdmetrics 0.32 in the environment. SDMetrics is timed on tables in memory; ours is the whole command, so start,
reading, inference and writing count against it. The quality report takes all rows; distances take the first 1,000 rows
of both tables, since SDMetrics joins every row with every row. Prints one CSV line a measurement, then medians.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
from sdmetrics.reports.single_table import QualityReport
from sdmetrics.single_table import DCRBaselineProtection

ROWS_OF_DISTANCES = 1_000


def described(table):
    kind = lambda column: "numerical" if pd.api.types.is_numeric_dtype(table[column]) else "categorical"
    return {"columns": {column: {"sdtype": kind(column)} for column in table.columns}}


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def ours(binary, real, synthetic, benchmarks):
    command = [binary, "benchmark", str(real), str(synthetic), "--json", "-b", *benchmarks]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{command} ended with {done.returncode}: {done.stderr}")
    json.loads(done.stdout)


def main():
    binary, real_path, synthetic_path = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 3
    real, synthetic = pd.read_csv(real_path), pd.read_csv(synthetic_path)
    metadata = described(real)
    with tempfile.TemporaryDirectory() as folder:
        few = [Path(folder) / name for name in ("real.csv", "synthetic.csv")]
        heads = [table.head(ROWS_OF_DISTANCES) for table in (real, synthetic)]
        for path, head in zip(few, heads):
            head.to_csv(path, index=False)
        work = {
            ("quality", "sdmetrics"): lambda: QualityReport().generate(real, synthetic, metadata, verbose=False),
            ("quality", "synthfleet"): lambda: ours(binary, real_path, synthetic_path, ["column_shapes", "pair_trends"]),
            ("dcr", "sdmetrics"): lambda: DCRBaselineProtection.compute_breakdown(heads[0], heads[1], metadata),
            ("dcr", "synthfleet"): lambda: ours(binary, *few, ["distances"]),
        }
        taken = {key: [] for key in work}
        print("what,system,round,seconds")
        for turn in range(rounds):
            for (what, system), run in work.items():
                taken[what, system].append(seconds(run))
                print(f"{what},{system},{turn},{taken[what, system][-1]:.3f}", flush=True)
    for what in ("quality", "dcr"):
        peer, own = (statistics.median(taken[what, system]) for system in ("sdmetrics", "synthfleet"))
        print(f"# {what}: sdmetrics {peer:.2f} s, synthfleet {own:.2f} s, {peer / own:.0f} times")


main()
