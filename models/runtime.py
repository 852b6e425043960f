"""One way to load an ONNX file: as many threads as the settings allow, on the device they name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from metadata.errors import UserError

_CUDA, _CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
_MEMORY = ("failed to allocate", "bad_alloc", "bad allocation", "out of memory", "cuda_error_out_of_memory")


def providers(device: str) -> list[str]:
    """What onnxruntime calls `auto`, `cpu` or `cuda`. Raises UserError where that cannot be had."""
    import onnxruntime  # noqa: PLC0415 - told by the registry where it is missing

    if device not in ("auto", "cpu", "cuda"):
        raise UserError(f'`device` is {device!r}; it can be "auto", "cpu" or "cuda"')
    there = onnxruntime.get_available_providers()
    if device == "cuda" and _CUDA not in there:
        raise UserError("`device` is cuda, which this onnxruntime cannot use: install onnxruntime-gpu instead")
    return [_CUDA, _CPU] if device != "cpu" and _CUDA in there else [_CPU]


def session(path: Path, *, threads: int = 1, device: str = "auto") -> Any:
    """The model, loaded. Threads sleep between runs. Raises UserError where the file is none."""
    import onnxruntime  # noqa: PLC0415 - as above

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=providers(device))
    except UserError:
        raise
    except Exception as error:  # onnxruntime has an exception a fault, of no common kind
        raise UserError(f"{path} cannot be loaded: {' '.join(str(error).split())[:200]}") from error


@contextmanager
def threads(most: int) -> Iterator[None]:
    """Numpy's products take at most so many threads meanwhile, in the whole process.

    Two of them on two busy cores spin for each other: loops of small products were 37 times slower.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # noqa: PLC0415 - as above

    with threadpool_limits(limits=most, user_api="blas"):
        yield


@contextmanager
def memory_told() -> Iterator[None]:
    """What onnxruntime says where there is no room becomes MemoryError."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        if any(text in str(error).lower() for text in _MEMORY):
            raise MemoryError(str(error)[:200]) from error
        raise
