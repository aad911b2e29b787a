"""PgBouncer in transaction mode before the tests' PostgreSQL, as Debian packages it."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.support import private_postgres, temporary
from tests.support.ports import free_port

needs_pgbouncer = pytest.mark.skipif(
    shutil.which("pgbouncer") is None, reason="pgbouncer is not installed"
)
# In turn, so that no two transactions of a client find the same server connection by chance.
CONFIGURATION = """
[databases]
* = host=127.0.0.1 port={server_port} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
server_round_robin = 1
default_pool_size = 6
max_client_conn = 200
"""


@contextmanager
def running(server_url: str) -> Iterator[str]:
    """Start PgBouncer before a server of this machine; yields the start of its URLs."""
    port = free_port()
    folder = temporary.make(prefix="cueline-pgbouncer-")
    # It refuses root, as PostgreSQL does.
    folder.chmod(0o755)
    configuration = folder / "pgbouncer.ini"
    server_port = urlsplit(server_url).port
    configuration.write_text(CONFIGURATION.format(server_port=server_port, port=port))
    configuration.chmod(0o644)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["pgbouncer", configuration], stdout=log, stderr=log, **private_postgres.unprivileged()
        )
    url = f"postgresql://postgres@127.0.0.1:{port}"
    try:
        _wait_until_ready(f"{url}/postgres", folder / "log")
        yield url
    finally:
        process.terminate()
        process.wait(timeout=20)
        temporary.remove(folder)


def _wait_until_ready(url: str, log: Path) -> None:
    give_up_at = time.monotonic() + 20
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            assert time.monotonic() < give_up_at, log.read_text()
            time.sleep(0.1)
        else:
            return
