"""No library makes a thread for each core: photos are looked at side by side already.

Two threads of BLAS on two busy cores spin for each other; a loop of small products took 37 times as long.
"""

from __future__ import annotations

import sys
from collections.abc import MutableMapping

_ONE = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "RAYON_NUM_THREADS"), "1"
)
"""How BLAS, OpenMP (LibRaw, scikit-learn, torch) and tokenizers are told; each reads it when it is loaded."""


def one_each(environment: MutableMapping[str, str]) -> None:
    """One thread for each library of numbers in this process and in those that it starts, loaded already or not.

    `environment` is the process's own. Models have threads of their own where a person sets them.
    """
    environment.update(_ONE, TOKENIZERS_PARALLELISM="false", OMP_WAIT_POLICY="PASSIVE")
    if "numpy" in sys.modules:
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # noqa: PLC0415 - seldom

        threadpool_limits(limits=1)
