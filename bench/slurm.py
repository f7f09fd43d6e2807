"""A run on a SLURM cluster, as an example to change: dask-jobqueue starts Dask workers as jobs.

    python bench/slurm.py tss6 /shared/runs/few --where "sed >= 20" --jobs 8

Needs ``pip install "sedspace[cluster]" dask-jobqueue`` on the login node and on the nodes, the same versions in both
places (sedspace refuses others), and a directory that all of them see. Give it again to continue a run. It was not run
on a SLURM cluster by sedspace's developers; what it calls, `enumerate_space` with a client, is tested with Dask's
workers as processes of one machine. Whoever can reach its scheduler can run code as you: on a cluster that you share
with people whom you do not trust, give SLURMCluster a ``security`` (dask-jobqueue's documentation says how).
"""

from __future__ import annotations

import argparse

from dask_jobqueue import SLURMCluster
from distributed import Client

import sedspace as ss
from sedspace.cluster import note_dashboard


def main() -> None:
    """Start workers, have the run written, and stop them."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("space")
    options.add_argument("out")
    options.add_argument("--where")
    options.add_argument("--shard-rows", type=int)
    options.add_argument("--jobs", type=int, default=4)
    options.add_argument("--queue", default=None)
    arguments = options.parse_args()
    with SLURMCluster(cores=16, processes=16, memory="32GB", walltime="02:00:00", queue=arguments.queue) as cluster:
        cluster.scale(jobs=arguments.jobs)
        with Client(cluster) as client:
            client.wait_for_workers(1)
            note_dashboard(client)
            run = ss.enumerate_space(
                arguments.space,
                arguments.out,
                shard_rows=arguments.shard_rows,
                where=arguments.where,
                client=client,
            )
    print(f"{run.path}: {run.rows:,} rows in {len(run.shards)} shards")


if __name__ == "__main__":
    main()
