#!/bin/bash
#SBATCH --job-name=sedspace
#SBATCH --cpus-per-task=16
#SBATCH --time=02:00:00
#
# A space by a job array of SLURM, as an example to change: every task writes a run of its own range, and needs no other.
#
#     sbatch --array=0-7 bench/slurm_array.sh tss6 /shared/runs/tss6 --where "sed >= 20"
#
# The runs are /shared/runs/tss6-000 to -007, each to be verified by itself, and read together by a pattern:
#
#     pl.scan_parquet("/shared/runs/tss6-*/*.parquet")
#
# What follows the directory goes to `sedspace enumerate`. The same command, with as many tasks, continues what was
# interrupted. Activate the environment that sedspace is in before: sbatch hands it on. It was not run on a SLURM
# cluster by sedspace's developers; a test has its tasks run one by one.
set -euo pipefail

space=$1 out=$2
shift 2
task=$((SLURM_ARRAY_TASK_ID - SLURM_ARRAY_TASK_MIN))
range=$(python - "$space" "$task" "$SLURM_ARRAY_TASK_COUNT" << 'EOP'
import sys
import sedspace as ss

name, task, tasks = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
size = (ss.read_space(name) if name.endswith(".toml") else ss.space(name)).size
print(f"{size * task // tasks}:{size * (task + 1) // tasks}")
EOP
)
exec sedspace enumerate "$space" --out "$out-$(printf %03d "$task")" --range "$range" --threads "$SLURM_CPUS_PER_TASK" "$@"
