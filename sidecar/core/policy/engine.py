"""The CEL engine: the extension module of the package `common-expression-language`, and nothing else of it.

The package's own `__init__` imports its command line, with terminal and prompt: 12 MB and 80 ms that no daemon needs.
"""

from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import TYPE_CHECKING


def _extension() -> ModuleType:
    package = find_spec("cel")
    spec = package and PathFinder.find_spec("cel", package.submodule_search_locations)
    if spec is None or spec.loader is None:
        raise ImportError("the package common-expression-language is not installed", name="cel")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if TYPE_CHECKING:
    import cel as cel  # noqa: PLC0414 - re-exported, for the types
else:
    cel = _extension()

__all__ = ["cel"]
