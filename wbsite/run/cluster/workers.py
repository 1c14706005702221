"""The workers of a Dask cluster: what each has, which of them can compute, and who comes and goes."""

from __future__ import annotations

import asyncio
import logging
import platform
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from wbsite import __version__
from wbsite.core.config import Config
from wbsite.core.errors import WbsiteError, optional
from wbsite.core.progress import Progress
from wbsite.core.store import Store

PROBE = 60.0
"""Seconds that a worker may take to say what it has: it imports torch for that."""

ANSWER = 10
"""Seconds that a scheduler may take to be reached, and as many to answer."""

LOOK = 1.0
"""Seconds between two looks at who is there."""

SIGN = "cluster-check"
"""Record of the store by which workers are recognised to see the same one."""

LOGGERS = ("distributed", "distributed.client")
"""Of Dask, which log a traceback where a scheduler is lost; that it is lost is said in words."""

COLUMNS = ("worker", "threads", "memory", "GPU", "Python", "torch", "wbsite", "verdict")


class SchedulerLost(WbsiteError):
    """The cluster's scheduler was there and is no more."""

    def __init__(self, address: str, reason: object = "") -> None:
        because = f" ({reason})" if str(reason) else ""
        super().__init__(
            f"the Dask scheduler at {address} is gone{because}. What is done is kept.",
            "Start it again, with workers, and run the same command: it goes on where it stopped.",
        )


@dataclass(frozen=True)
class Asked:
    """What a run asks of workers.

    Attributes:
        store: its address.
        sign: what the store's record `SIGN` says.
        code: SHA-256 of this machine's wbsite.
        device: "cpu", "cuda" or "auto".
    """

    store: str
    sign: str
    code: str
    device: str

    @classmethod
    def of(cls, config: Config) -> Asked:
        """Leaves the sign in the store.

        Raises:
            WbsiteError: the store is in this process's memory, or cannot be written.
        """
        from wbsite.run.fingerprint import code_digest

        store = Store(config.store)
        if store.url.startswith("memory:"):
            raise WbsiteError(
                f"the store {store.url} is in this process's memory, where no worker of a cluster sees it.",
                "Give a folder that all machines share with --store, or an address such as s3://bucket/store.",
            )
        store.prepare()
        record = store.record(SIGN) or {}
        if not record.get("sign"):  # else another command's workers may be reading it just now
            record = {"sign": uuid.uuid4().hex}
            store.put_record(SIGN, record)
        return cls(store.url, str(record["sign"]), code_digest(), config.device)


@dataclass(frozen=True)
class Worker:
    """A worker and what it has.

    Attributes:
        address: by which the scheduler knows it.
        facts: what it said of itself, as `_facts` makes it.
        unfit: why it cannot compute, "" where it can.
    """

    address: str
    facts: Mapping[str, Any]
    unfit: str

    @property
    def resources(self) -> dict[str, float]:
        """Of those that it was started with (`dask worker --resources "GPU=1"`), what a task takes up."""
        return {"GPU": 1} if self.facts.get("resources", {}).get("GPU") and self.facts.get("GPU") else {}

    def row(self) -> tuple[str, ...]:
        """Its line of the table."""
        memory = self.facts.get("memory")
        values = {**self.facts, "memory": f"{memory / 1e9:.1f} GB" if memory else None, "worker": self.address}
        return (*(str(values.get(name) or "–") for name in COLUMNS[:-1]), self.unfit or "fits")


class Crew:
    """The workers that are there. `refresh` looks again.

    Args:
        wait: seconds to wait for the first, and for another where all are gone.
        arrived: told the addresses of those that have come and can compute, before anything is handed to them.
    """

    def __init__(
        self,
        client: Any,
        address: str,
        asked: Asked,
        wait: float,
        progress: Progress,
        arrived: Callable[[Sequence[str]], None] = lambda addresses: None,
    ) -> None:
        self._client, self._address, self._asked, self._wait, self._progress = client, address, asked, wait, progress
        self._looked, self._arrived = 0.0, arrived
        self.workers: dict[str, Worker] = {}

    @property
    def fitting(self) -> list[Worker]:
        """Those that can compute."""
        return [worker for worker in self.workers.values() if not worker.unfit]

    def gather(self) -> None:
        """Waits for workers.

        Raises:
            WbsiteError: none came.
            SchedulerLost: the scheduler is gone.
        """
        end = time.monotonic() + self._wait
        self._look()
        while not self.workers:
            if (left := end - time.monotonic()) <= 0:
                raise WbsiteError(
                    f"the Dask scheduler at {self._address} has had no workers for {self._wait:.0f} s.",
                    f"Start some with `dask worker {self._address}`, or wait longer with --wait SECONDS.",
                )
            self._progress.note(f"waiting for workers of {self._address}: none yet, {left:.0f} s left")
            time.sleep(min(LOOK, left))
            self._look()

    def assemble(self) -> None:
        """Waits for workers that can compute. Raises as `gather`, and WbsiteError where none of them can."""
        self.gather()
        if not self.fitting:
            reasons = Counter(worker.unfit for worker in self.workers.values())
            raise WbsiteError(
                f"no worker of {self._address} can compute: "
                + "; ".join(f"{reason} ({count} of {len(self.workers)})" for reason, count in reasons.items())
                + ".",
                f"`wbsite cluster-check --scheduler {self._address}` has a table of what each of them has.",
            )

    def refresh(self) -> None:
        """Looks who is there, once a second at most; waits for others where all are gone. Raises as `assemble`."""
        if time.monotonic() - self._looked < LOOK:
            return
        self._look()
        if not self.fitting:
            self._progress.line(f"all workers of {self._address} are gone: waiting for others, {self._wait:.0f} s long")
            self.assemble()

    def _look(self) -> None:
        there = present(self._client, self._address)
        self._looked = time.monotonic()
        for address in self.workers.keys() - there:
            if not self.workers.pop(address).unfit:
                self._progress.line(f"worker {address} is gone; {len(self.fitting)} are left")
        new = [address for address in there if address not in self.workers]
        if not new:
            return
        found = list(asked(self._client, new, self._asked))
        self._arrived([worker.address for worker in found if not worker.unfit])
        for worker in found:
            self.workers[worker.address] = worker
            said = f"does not fit: {worker.unfit}" if worker.unfit else "fits"
            self._progress.line(f"worker {worker.address} {said}")


@contextmanager
def connected(scheduler: str) -> Iterator[Any]:
    """A client of the scheduler at an address.

    Raises:
        WbsiteError: Dask is not installed, or no scheduler answers.
    """
    with optional("--scheduler", "cluster"):
        from distributed import Client
        from distributed.utils import LoopRunner
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        LoopRunner().run_sync(_greeted, scheduler)  # in a thread: another loop may run in this one, as in a notebook
        client = Client(scheduler, timeout=f"{ANSWER}s")
    except (OSError, ValueError, TypeError, ImportError) as error:  # the last two for want of keys or of a package
        raise WbsiteError(
            f"no Dask scheduler answers at {scheduler!r} ({error}).",
            "Start one with `dask scheduler`, or leave --scheduler out.",
        ) from error
    try:
        yield client
    finally:
        client.close(timeout=2)


async def _greeted(scheduler: str) -> None:
    """TimeoutError where a scheduler takes the connection and is silent.

    A Client waits for that for ever: its timeout ends with the connection (distributed 2026.8.0, `comm.core.connect`).
    """
    from distributed.comm import connect
    from distributed.security import Security

    async def greet() -> None:
        (await connect(scheduler, timeout=ANSWER, **Security().get_connection_args("client"))).abort()

    try:
        await asyncio.wait_for(greet(), 2 * ANSWER)
    except TimeoutError as error:
        raise TimeoutError("it takes the connection and is silent, as one that was stopped") from error


def present(client: Any, address: str) -> list[str]:
    """The addresses of a scheduler's workers; SchedulerLost where it does not answer."""
    try:
        identity = client.sync(client.scheduler.identity, callback_timeout=ANSWER)
    except (OSError, TimeoutError, AttributeError) as error:  # distributed sets its `scheduler` to None when it is lost
        raise SchedulerLost(address, error) from error
    return list(identity["workers"])


def asked(client: Any, addresses: Sequence[str], wanted: Asked) -> Iterator[Worker]:
    """Asks each of these workers what it has."""
    from distributed import wait

    futures = {
        address: client.submit(
            _facts, wanted, key=f"wbsite-facts-{uuid.uuid4().hex}", workers=[address], allow_other_workers=False
        )
        for address in addresses
    }
    with suppress(TimeoutError):  # those that did not answer are told apart below
        wait(list(futures.values()), timeout=PROBE)
    for address, future in futures.items():
        if future.status == "finished":
            facts = future.result()
            yield Worker(address, facts, unfit(facts, wanted))
        elif future.status == "error":
            yield Worker(address, {}, _lacking(future.exception()))
        else:
            yield Worker(address, {}, f"it did not answer within {PROBE:.0f} s")
            future.cancel()


def unfit(facts: Mapping[str, Any], wanted: Asked) -> str:
    """Why a worker with these facts cannot compute, "" where it can."""
    if facts["code"] != wanted.code:
        return (
            f"its code is not this machine's: it has wbsite {facts['wbsite']}, torch {facts['torch']} and Python"
            f" {facts['Python']}; install the same, and start it anew after an edit"
        )
    if facts["store"]:
        return f"it does not share the store {wanted.store}: {facts['store']}"
    if wanted.device == "cuda" and not facts["GPU"]:
        return "it has no GPU, and --device cuda asks for one"
    return ""


def table(workers: Sequence[Worker]) -> list[str]:
    """Lines of text: what each worker has, and whether it fits."""
    rows = [COLUMNS, *(worker.row() for worker in workers)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS) - 1)]
    return [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]) for row in rows
    ]


def _lacking(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"it has no Python module {error.name!r}: install wbsite there"
    return f"it cannot say what it has ({type(error).__name__}: {error})"


def _facts(wanted: Asked) -> dict[str, Any]:
    """What the worker has that runs this."""
    import torch
    from distributed import get_worker

    from wbsite.run.fingerprint import code_digest

    worker = get_worker()
    return {
        "threads": worker.state.nthreads,
        "memory": worker.memory_manager.memory_limit,
        "resources": dict(worker.state.total_resources),
        "GPU": torch.cuda.get_device_name() if torch.cuda.is_available() else "",
        "Python": platform.python_version(),
        "torch": torch.__version__,
        "wbsite": __version__,
        "code": code_digest(),
        "store": _unshared(wanted),
    }


def _unshared(wanted: Asked) -> str:
    """Why this process does not see the store that a run means, "" where it does."""
    try:
        store = Store(wanted.store)
        record = store.record(SIGN)
        if record is None:
            return "nothing is there as it sees it"
        if record.get("sign") != wanted.sign:
            return "it sees another one under this address"
        store.prepare()
    except (WbsiteError, OSError) as error:
        return str(error)
    return ""
