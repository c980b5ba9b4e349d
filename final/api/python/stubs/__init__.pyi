"""Lars for Python: which node to call, and how the call went.

lars.h explains the terms and every error."""
from types import TracebackType
from typing import Iterator, List, Optional, Tuple, Type

__version__: str

class Error(OSError):
    """A result below zero of lars.h; errno is the code, strerror the sentence."""

class Host:
    """A node for one call.  As a context manager it reports the call: as failed when the
    body raises an exception, else as successful."""

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
    """A retry budget: one for each module, shared by all threads."""

    def __init__(self) -> None: ...

class Attempts(Iterator[Host]):
    """The nodes to try for one request; ends after the first success, or when no further
    attempt may be made, and error is the errno then."""

    @property
    def left_ms(self) -> int: ...
    @property
    def error(self) -> int: ...
    @property
    def reason(self) -> str: ...
    def __iter__(self) -> Attempts: ...
    def __next__(self) -> Host: ...

class Client:
    """A client of the agent of this host.  Any thread may use it."""

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
