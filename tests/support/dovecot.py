"""Dovecot on this machine with one mailbox, as Debian packages it; it runs without root."""

import grp
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from config.mail_env import Mailbox
from tests.support import private_postgres, temporary
from tests.support.ports import free_port

USER, PASSWORD = "bounces", 'pass "word" \\ here'
CONFIGURATION = """
protocols = imap
base_dir = {folder}/run
log_path = {folder}/log
mail_location = maildir:{folder}/mail
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
ssl = required
ssl_cert = <{folder}/certificate
ssl_key = <{folder}/key
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {folder}/users
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/home
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    address = 127.0.0.1
    port = {port}
    ssl = yes
  }}
}}
# No pause after a wrong password.
auth_failure_delay = 0
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
"""


def _is_known() -> bool:
    binary = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if binary is None:
        return False
    said = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False)
    # The next release has other names for all of its settings.
    return re.match(r"2\.3\.", said.stdout) is not None


needs_dovecot = pytest.mark.skipif(not _is_known(), reason="dovecot-imapd 2.3 is not installed")


@dataclass(frozen=True, slots=True)
class Dovecot:
    mailbox: Mailbox
    # Of the authority that signed the server's certificate.
    authority: Path
    mails: Path

    def deliver(self, *contents: bytes) -> None:
        """Put mails into the mailbox, in their order."""
        for content in contents:
            name = f"{time.time_ns()}.M{time.monotonic_ns()}.test"
            draft = self.mails / "tmp" / name
            draft.write_bytes(content)
            draft.chmod(0o644)
            draft.rename(self.mails / "new" / name)

    def flags(self) -> list[str]:
        """Return the flags of what is in the mailbox, `S` for seen; sorted."""
        names = [each.name for kind in ("new", "cur") for each in (self.mails / kind).iterdir()]
        return sorted(name.partition(":2,")[2] for name in names)


@contextmanager
def running() -> Iterator[Dovecot]:
    """Start a server with an empty mailbox, and its own certificate for 127.0.0.1."""
    port, folder = free_port(), temporary.make(prefix="cueline-dovecot-")
    account = private_postgres.unprivileged()
    user = pwd.getpwuid(account.get("user", os.geteuid()))
    _prepare(folder, user, port)
    binary = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or "dovecot"
    process = subprocess.Popen(
        [binary, "-F", "-c", folder / "configuration"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        **account,
    )
    mailbox = Mailbox(
        host="127.0.0.1", port=port, user=USER, password=PASSWORD, folder="INBOX", is_tls=True
    )
    try:
        _wait_until_ready(port, folder / "log")
        yield Dovecot(mailbox, folder / "authority", folder / "mail")
    finally:
        # Nothing of it is kept, and its own end takes seconds.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=20)
        temporary.remove(folder)


def _prepare(folder: Path, user: pwd.struct_passwd, port: int) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(folder / "authority")
    certificate.private_key_pem.write_to_path(folder / "key")
    certificate.cert_chain_pems[0].write_to_path(folder / "certificate")
    group = grp.getgrgid(user.pw_gid).gr_name
    (folder / "configuration").write_text(
        CONFIGURATION.format(folder=folder, user=user.pw_name, group=group, port=port)
    )
    (folder / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}:::::\n")
    for name in ("run", "home", "mail", "mail/tmp", "mail/new", "mail/cur"):
        (folder / name).mkdir()
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.chown(path, user.pw_uid, user.pw_gid)


def _wait_until_ready(port: int, log: Path) -> None:
    give_up_at = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < give_up_at, log.read_text()
            time.sleep(0.05)
        else:
            return
