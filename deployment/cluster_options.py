"""The options that say which process of which cluster this is. No TensorFlow: --help reads them."""

import dataclasses

from common.checks import COUNT, NOT_NEGATIVE, OneOf
from common.options import Options, option

CLUSTER = 'Several machines'
JOBS = ('ps', 'worker')


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClusterOptions(Options):
    """Hold the place of this process in a cluster; None means not given."""

    master: str = option(CLUSTER, '', 'Address of a TensorFlow server that is already running.')
    job_name: str | None = option(CLUSTER, None, 'Role of this process.', OneOf(JOBS))
    ps_hosts: str | None = option(
        CLUSTER, None, 'Comma-separated host:port of the parameter servers.'
    )
    worker_hosts: str | None = option(
        CLUSTER, None, 'Comma-separated host:port of the workers; the first one is the chief.'
    )
    task: int | None = option(
        CLUSTER,
        None,
        'Number of this process within its job.',
        NOT_NEGATIVE,
        shown=0,
        older=('task_id',),
    )
    worker_replicas: int | None = option(CLUSTER, None, 'Number of workers.', COUNT, shown=1)
    num_ps_tasks: int | None = option(
        CLUSTER,
        None,
        'Number of parameter servers; with 0 this process holds the variables.',
        NOT_NEGATIVE,
        shown=0,
    )
