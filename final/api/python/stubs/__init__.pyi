"""Lars for Python: which node to call, and how the call went.

lars.h explains the terms and every error."""
import os
from types import TracebackType
from typing import Callable, Dict, Iterator, List, Literal, Optional, Tuple, Type, Union, final

__version__: str

_Key = Union[int, str, bytes]
_Outcome = Literal["well", "failed", "rejected", "cancelled"]

def key(text: Union[str, bytes], /) -> int:
    """The key of a str (its UTF-8) or of bytes, the same in every language."""

class Error(OSError):
    """A result below zero of lars.h; errno is the code, strerror the sentence."""

    retriable: bool

class Overloaded(Error):
    """Every node is overloaded or down: do not call now."""

class NotFound(Error):
    """The module has no nodes, or the agent does not know it yet."""

class Timeout(Error, TimeoutError):
    """The agent does not answer, or the time of a request is over."""

@final
class Status(
    Tuple[str, str, str, Optional[bool], Dict[str, int], Dict[str, int], Tuple[int, ...]]
):
    """The way of a client's calls, and its counters."""

    __match_args__ = ("path", "why", "shm_file", "agent_alive", "begun", "ended", "took")
    n_fields: int
    n_sequence_fields: int
    n_unnamed_fields: int
    @property
    def path(self) -> str: ...
    @property
    def why(self) -> str: ...
    @property
    def shm_file(self) -> str: ...
    @property
    def agent_alive(self) -> Optional[bool]: ...
    @property
    def begun(self) -> Dict[str, int]: ...
    @property
    def ended(self) -> Dict[str, int]: ...
    @property
    def took(self) -> Tuple[int, ...]: ...

@final
class Ended(Tuple[int, int, Tuple[str, int], str, int, str]):
    """A call that has ended: the argument of on_end."""

    __match_args__ = ("modid", "cmdid", "address", "outcome", "took_us", "path")
    n_fields: int
    n_sequence_fields: int
    n_unnamed_fields: int
    @property
    def modid(self) -> int: ...
    @property
    def cmdid(self) -> int: ...
    @property
    def address(self) -> Tuple[str, int]: ...
    @property
    def outcome(self) -> _Outcome: ...
    @property
    def took_us(self) -> int: ...
    @property
    def path(self) -> Literal["shm", "udp"]: ...

@final
class Host:
    """A node for one call.  As a context manager it ends the call: as cancelled when the
    body is cancelled or the program ends, as failed on any other exception, else as
    successful."""

    @property
    def ip(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def address(self) -> Tuple[str, int]: ...
    @property
    def from_file(self) -> bool: ...
    def report(self, retcode: int = 0, /) -> None: ...
    def end(self, outcome: _Outcome, /) -> None: ...
    def cancel(self, /) -> None: ...
    def __enter__(self) -> Host: ...
    def __exit__(
        self,
        exc_type: Optional[Type[BaseException]],
        exc: Optional[BaseException],
        tb: Optional[TracebackType],
        /,
    ) -> Literal[False]: ...
    async def __aenter__(self) -> Host: ...
    async def __aexit__(
        self,
        exc_type: Optional[Type[BaseException]],
        exc: Optional[BaseException],
        tb: Optional[TracebackType],
        /,
    ) -> Literal[False]: ...

@final
class Budget:
    """A retry budget: one for each module, shared by all threads."""

@final
class Attempts(Iterator[Host]):
    """The nodes to try for one request; ends after the first success, or when no further
    attempt may be made, and error is the errno then, reason the sentence."""

    @property
    def left_ms(self) -> int: ...
    @property
    def error(self) -> int: ...
    @property
    def reason(self) -> str: ...
    def __iter__(self) -> Attempts: ...
    def __next__(self) -> Host: ...

@final
class Client:
    """A client of the agent of this host.  Any thread may use it.

    on_end is called after each call, in its thread.  It must not use the client; an
    exception in it goes to sys.unraisablehook."""

    def __init__(
        self,
        address: Optional[str] = None,
        port: int = 0,
        dir: Union[str, bytes, os.PathLike[str], os.PathLike[bytes], None] = None,
        timeout_ms: int = 0,
        on_end: Optional[Callable[[Ended], object]] = None,
    ) -> None: ...
    def get_host(self, modid: int, cmdid: int, key: _Key = 0, /) -> Host: ...
    def get_host_nowait(self, modid: int, cmdid: int, key: _Key = 0, /) -> Host: ...
    def register(self, modid: int, cmdid: int, /) -> None: ...
    def route(self, modid: int, cmdid: int, /) -> List[Tuple[str, int]]: ...
    def attempts(
        self,
        modid: int,
        cmdid: int,
        idempotent: bool = False,
        attempts: int = 3,
        timeout_ms: int = 1000,
        key: _Key = 0,
        budget: Optional[Budget] = None,
    ) -> Attempts: ...
    def status(self, /) -> Status: ...
    def close(self, /) -> None: ...
    def __enter__(self) -> Client: ...
    def __exit__(
        self,
        exc_type: Optional[Type[BaseException]],
        exc: Optional[BaseException],
        tb: Optional[TracebackType],
        /,
    ) -> None: ...
