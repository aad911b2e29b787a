"""Runs Hypothesis' state machines on the database: each example in a transaction that is undone.

`MACHINE_EXAMPLES` (15) is how many ways are walked. Fifteen are always the same ones, so that a run
of all tests has no luck in it; more, as `.ci/long` asks for, are new each time.
"""

import os
from datetime import timedelta

from django.core import mail
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from subscribers.models import ConsentRecord
from tests.support.sequence_making import NOON
from tests.support.time_travel import TimeTravel

DEFAULT = 15
EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES", str(DEFAULT)))
STEPS = 30
# Shrinking takes minutes: the long run does it.
PHASES = [Phase.generate] if EXAMPLES <= DEFAULT else [Phase.generate, Phase.shrink]
HOURS = (1, 30, 24 * 8)


class DatabaseMachine(RuleBasedStateMachine):
    """A machine with a clock of its own, and the mails that left in it."""

    def __init__(self) -> None:
        super().__init__()
        self._undone = transaction.atomic()
        self._undone.__enter__()
        mail.outbox = []
        self.travel = TimeTravel(NOON)
        self._mails_read = 0

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self._undone.__exit__(None, None, None)

    def work(self) -> list[mail.EmailMessage]:
        """Let the worker do what is due in the next second; returns the mails that it sent."""
        self.travel.run_for(timedelta(seconds=1))
        sent = mail.outbox[self._mails_read :]
        self._mails_read = len(mail.outbox)
        return list(sent)


def run(machine: type[DatabaseMachine]) -> None:
    """Walk the machine's ways; a failure prints the shortest way that shows it."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            derandomize=EXAMPLES <= DEFAULT,
            database=None,
            report_multiple_bugs=False,
            deadline=None,
            phases=PHASES,
            suppress_health_check=list(HealthCheck),
        ),
    )


def ledger() -> dict[object, tuple[object, ...]]:
    """Return every line of the ledger by id."""
    names = [field.attname for field in ConsentRecord._meta.fields if field.attname != "id"]
    return {row[0]: row[1:] for row in ConsentRecord.objects.values_list("pk", *names)}
