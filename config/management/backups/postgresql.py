"""PostgreSQL's own programs: pg_dump makes the copy, pg_restore and psql bring it back."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, cast

from django.db import connection
from django.db.backends.postgresql.client import DatabaseClient

from config.management.backups.faults import CannotCopy, InUse, NotOurs
from config.management.database_lock import LOCK_NUMBER

OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
# What was made since initdb and by no extension. Functions cover defaults, checks and indexes, too.
NOT_OURS = """
SELECT DISTINCT kind || ' ' || name FROM (
SELECT 'pg_trigger'::regclass AS class, oid, 'trigger' AS kind, tgname AS name
FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'pg_event_trigger'::regclass, oid, 'event trigger', evtname FROM pg_event_trigger
UNION ALL SELECT 'pg_rewrite'::regclass, oid, 'rule', rulename FROM pg_rewrite
WHERE rulename <> '_RETURN'
UNION ALL SELECT 'pg_policy'::regclass, oid, 'policy', polname FROM pg_policy
UNION ALL SELECT 'pg_proc'::regclass, oid, 'function', proname FROM pg_proc
UNION ALL SELECT 'pg_class'::regclass, oid, 'view', relname FROM pg_class
WHERE relkind IN ('v', 'm', 'f')
) AS found WHERE oid >= 16384 AND NOT EXISTS (
SELECT FROM pg_depend WHERE classid = class AND objid = found.oid AND deptype = 'e'
) ORDER BY 1
"""
REFUSED = "not ours: "
REFUSE = f"""
SET LOCAL search_path TO pg_catalog;
DO $$ DECLARE found text; BEGIN
SELECT left(string_agg(named, ', '), 500) INTO found FROM ({NOT_OURS}) AS list (named);
IF found IS NOT NULL THEN RAISE EXCEPTION '{REFUSED}%', found; END IF;
END $$;
"""  # noqa: S608 - constants
# `server_version_num` is 150018 for 15.18.
OF_MAJOR = 10_000
MOST_BYTES_SAID = 64 * 1024
ANYBODYS = ("--no-owner", "--no-privileges")


def dump(*, to: Path) -> None:
    """Write an archive of one snapshot. Raises `CannotCopy`."""
    program = _program("pg_dump")
    with tempfile.TemporaryFile() as said:
        command = [program, "--format=custom", *ANYBODYS, "--no-password", "--file", str(to)]
        done = subprocess.run(command, stderr=said, check=False, env=_environment())  # noqa: S603 - PostgreSQL's programs
        _check(done.returncode, said)


def restore(*, database: Path, old: Sequence[str], hold: str, is_trusted: bool) -> None:
    """Drop the old tables, load the archive's, and hold them.

    Raises `InUse`, `NotOurs` unless the archive is trusted, and `CannotCopy`.

    psql runs what pg_restore writes, between BEGIN and a COMMIT that it only gets after a good end:
    a script that is cut off commits nothing.
    """
    reader, loader = _program("pg_restore"), _program("psql")
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        schema = connection.ops.quote_name(cursor.fetchone()[0])
        cursor.execute(OTHERS)
        if cursor.fetchone()[0]:
            raise InUse
    connection.close()
    names = ", ".join(f"{schema}.{connection.ops.quote_name(name)}" for name in old)
    # The lock that `migrate` takes.
    begin = f"BEGIN; SELECT pg_advisory_xact_lock({LOCK_NUMBER});\n"
    begin += f"DROP TABLE {names} CASCADE;\n" if names else ""
    end = "" if is_trusted else REFUSE
    # A temporary table of the name of ours would come first.
    end += f"SET LOCAL search_path TO {schema}, pg_temp;\n{hold}\nCOMMIT;\n"
    read = [reader, *ANYBODYS, "--no-comments", "--file=-", str(database)]
    load = [loader, "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--no-password"]
    with (
        tempfile.TemporaryFile() as read_said,
        tempfile.TemporaryFile() as load_said,
        subprocess.Popen(read, stdout=subprocess.PIPE, stderr=read_said) as reading,  # noqa: S603 - as above
        subprocess.Popen(  # noqa: S603 - as above
            load,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=load_said,
            env=_environment(),
        ) as loading,
    ):
        _feed(reading, loading, begin, end)
        _check(reading.wait(), read_said)
        _check(loading.wait(), load_said)


def _feed(
    reading: "subprocess.Popen[bytes]", loading: "subprocess.Popen[bytes]", begin: str, end: str
) -> None:
    source, script = cast("IO[bytes]", reading.stdout), cast("IO[bytes]", loading.stdin)
    try:
        with script:
            script.write(begin.encode())
            shutil.copyfileobj(source, script)
            if reading.wait() == 0:
                script.write(end.encode())
    except BrokenPipeError:
        # psql ended first and says why; pg_restore must not count as the one that failed.
        while source.read(1024 * 1024):
            pass


def _program(name: str) -> str:
    """Return the path of a program of PostgreSQL that is as new as the server."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        server = int(cursor.fetchone()[0]) // OF_MAJOR
    wanted = f"install PostgreSQL's client programs of version {server} or later."
    found = shutil.which(name)
    if found is None:
        raise CannotCopy(f"{name} was not found: {wanted}")
    asked = [found, "--version"]
    said = subprocess.run(asked, capture_output=True, text=True, check=False).stdout  # noqa: S603 - as above
    version = re.search(r"\d+", said)
    if version is None or int(version[0]) < server:
        raise CannotCopy(f"{name} is older than the server ({said.strip()}): {wanted}")
    return found


def _environment() -> dict[str, str]:
    """Return the environment by which the programs connect; no password is on a command line."""
    given = connection.settings_dict
    _, secrets = DatabaseClient.settings_to_cmd_args_env(given, [])
    place = {f"PG{name}": given.get(name) for name in ("HOST", "PORT", "USER")}
    named = {**place, "PGDATABASE": given.get("NAME"), **(secrets or {})}
    return {**os.environ, **{name: str(value) for name, value in named.items() if value}}


def _check(exit_code: int, said: IO[bytes]) -> None:
    """Raise `NotOurs`, or `CannotCopy` with the first line that a failed program wrote."""
    if exit_code:
        said.seek(0)
        text = said.read(MOST_BYTES_SAID).decode(errors="replace")
        if found := re.search(f"{REFUSED}(.*)", text):
            raise NotOurs(found[1])
        line = "".join(filter(str.isprintable, text.partition("\n")[0][:1000])).strip()
        raise CannotCopy(f"PostgreSQL's program failed: {line or f'it ended with {exit_code}'}")
