"""Stand-ins for frameworks that trainers import and whose work no test needs: torch, ray and their like.

Only imports are served. What a test's code path computes with a framework, the test gives itself, with numpy.
"""

import abc
import importlib.abc
import importlib.machinery
import sys
import types


class _Anything(abc.ABCMeta):
    """A class that has every attribute, each a class of its kind, and that may be called, or used as a decorator."""

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        value = _anything(f"{cls.__name__}.{name}")
        setattr(cls, name, value)
        return value

    def __call__(cls, *args, **kwargs):
        # A subclass that the trainer wrote is a class like any other.
        if not cls.__dict__.get("_is_stub"):
            return super().__call__(*args, **kwargs)
        decorates = len(args) == 1 and not kwargs and callable(args[0])
        return args[0] if decorates else cls

    # Annotations: `torch.Tensor | None`, `None | torch.Tensor`, `Dataset[str]`.
    def __or__(cls, _):
        return cls

    __ror__ = __getitem__ = __or__

    def __bool__(cls):
        return False

    def __iter__(cls):
        return iter(())


def _anything(name):
    return _Anything(name, (), {"_is_stub": True})


class _Module(types.ModuleType):
    # Newer than what any version check asks for.
    __version__ = "99.0"

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        value = _anything(f"{self.__name__}.{name}")
        setattr(self, name, value)
        return value


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def __init__(self, names):
        self.names = names

    def find_spec(self, fullname, path=None, target=None):
        if any(fullname == name or fullname.startswith(f"{name}.") for name in self.names):
            return importlib.machinery.ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec):
        return _Module(spec.name)

    def exec_module(self, module):
        pass


def stub(*names):
    """Makes every `import` of these packages or modules, and of whatever is within them, succeed."""
    sys.meta_path.insert(0, _Finder(set(names)))
