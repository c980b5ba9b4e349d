"""Which node to call, and how the call went."""
from types import TracebackType
from typing import Iterator, List, Optional, Tuple, Type

__version__: str

class Error(OSError):
    """What is below zero in lars.h: errno, strerror."""

class Host:
    """A node for one call.  As a context manager it reports by itself: well, or failed
    when the body raises."""

    @property
    def ip(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def address(self) -> Tuple[str, int]: ...
    @property
    def from_file(self) -> bool: ...
    def report(self, retcode: int = ..., /) -> None: ...
    def __enter__(self) -> Host: ...
    def __exit__(
        self,
        exc_type: Optional[Type[BaseException]],
        exc: Optional[BaseException],
        tb: Optional[TracebackType],
        /,
    ) -> bool: ...

class Budget:
    """Of retries: one for each module, for all threads."""

    def __init__(self) -> None: ...

class Attempts(Iterator[Host]):
    """Nodes to try one after the other, until one was reported well."""

    @property
    def left_ms(self) -> int: ...
    @property
    def error(self) -> int: ...
    def __iter__(self) -> Attempts: ...
    def __next__(self) -> Host: ...

class Client:
    """The way to this host's agent; any thread may use it."""

    def __init__(
        self,
        address: Optional[str] = ...,
        port: int = ...,
        dir: Optional[str] = ...,
        timeout_ms: int = ...,
    ) -> None: ...
    def get_host(self, modid: int, cmdid: int, key: int = ..., /) -> Host: ...
    def get_host_nowait(self, modid: int, cmdid: int, key: int = ..., /) -> Host: ...
    def register(self, modid: int, cmdid: int, /) -> None: ...
    def route(self, modid: int, cmdid: int, /) -> List[Tuple[str, int]]: ...
    def attempts(
        self,
        modid: int,
        cmdid: int,
        idempotent: bool = ...,
        attempts: int = ...,
        timeout_ms: int = ...,
        key: int = ...,
        budget: Optional[Budget] = ...,
    ) -> Attempts: ...
    def close(self) -> None: ...
    def __enter__(self) -> Client: ...
    def __exit__(
        self,
        exc_type: Optional[Type[BaseException]],
        exc: Optional[BaseException],
        tb: Optional[TracebackType],
        /,
    ) -> None: ...
