"""Starts a part of the worker, in a process of its own, once the database is ready."""

import logging
import os
import signal
import socket
from collections.abc import Callable
from types import FrameType
from uuid import UUID

from django.conf import settings
from django.db import connection

from events.services import worker_reports
from events.services.worker_reports import Host
from events.worker import dead_workers, heartbeat
from events.worker.jobs import Timetable
from events.worker.pool import Pool
from events.worker.readiness import wait_until_ready
from events.worker.ticker import Ticker

logger = logging.getLogger("cueline.worker")


def run_ticker(*, worker_id: UUID, restarts: int, pipe: heartbeat.Heartbeat) -> None:
    _get_ready(pipe)
    worker_reports.restarted(worker_id=worker_id, restarts=restarts)
    host = Host(
        id=worker_id,
        name=socket.gethostname(),
        process_id=os.getppid(),
        processes=settings.WORKERS,
        restarts=restarts,
    )
    logger.info("The ticker runs.")
    Ticker(host=host, pipe=pipe, timetable=Timetable()).run()


def run_pool(*, worker_id: UUID, restarts: int, pipe: heartbeat.Heartbeat) -> None:
    _get_ready(pipe)
    worker_reports.restarted(worker_id=worker_id, restarts=restarts)
    dead_workers.recover(worker_id=worker_id)
    # A connection shared by forked processes loses answers.
    connection.close()
    logger.info("The pool runs, with %s processes.", settings.WORKERS)
    Pool(size=settings.WORKERS, worker_id=worker_id, pipe=pipe).run()


RUN_BY_NAME: dict[str, Callable[..., None]] = {"ticker": run_ticker, "pool": run_pool}


def _get_ready(pipe: heartbeat.Heartbeat) -> None:
    """Wait for the database; SIGTERM ends the wait at once, as nothing has started yet."""
    signal.signal(signal.SIGTERM, _end_at_once)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    wait_until_ready(on_wait=lambda: pipe.send(heartbeat.WAITING))


def _end_at_once(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - signal's
    raise SystemExit(0)
