"""A change of the configuration locks the workspace before anything else."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import transaction

from events.language.specs import parse_sequence
from events.models import Sequence
from events.services.sequences import files, sequences
from subscribers.models import List, Workspace
from subscribers.services.audience import lists
from subscribers.services.workspaces import workspaces
from tests import factories
from tests.support.beside import beside, uncommitted, wait_until_somebody_waits_for_a_lock
from tests.support.sequence_making import MAIL, NOON, make_sequence

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
LATER = NOON + timedelta(hours=1)
ANOTHER = {"name": "A", "trigger": "manual", "steps": [{"type": "exit"}]}


def edit(sequence: Sequence) -> None:
    sequences.edit(sequence=sequence, spec=parse_sequence(ANOTHER), now=LATER)


def import_it(sequence: Sequence) -> None:
    files.import_sequences(
        workspace=sequence.workspace,
        elements=[{**ANOTHER, "key": sequence.key}],
        is_activating=False,
        now=LATER,
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda sequence: sequences.activate(sequence=sequence, now=LATER),
        lambda sequence: sequences.pause(sequence=sequence, now=LATER),
        lambda sequence: sequences.archive(sequence=sequence, now=LATER),
        lambda sequence: sequences.set_enrollment_paused(
            sequence=sequence, is_paused=True, now=LATER
        ),
        edit,
        import_it,
    ],
)
def test_a_change_that_waits_for_the_workspace_holds_no_sequence(
    change: Callable[[Sequence], None],
) -> None:
    workspace = workspaces.create(name="Acme")
    sequence = make_sequence(workspace, MAIL)

    # As a request with new event names does.
    with (
        uncommitted(lambda: workspaces.lock_configuration(workspace_id=workspace.pk)) as request,
        beside(lambda: change(sequence)),
    ):
        wait_until_somebody_waits_for_a_lock()
        with transaction.atomic():
            free = Sequence.objects.select_for_update(nowait=True).get(pk=sequence.pk)
        request.commit()

    assert free == sequence


def test_a_list_that_is_deleted_is_held_after_the_workspace() -> None:
    chosen = factories.ListFactory.create()
    workspace: Workspace = chosen.workspace

    with (
        uncommitted(lambda: workspaces.lock_configuration(workspace_id=workspace.pk)) as request,
        beside(lambda: lists.delete(chosen=chosen)),
    ):
        wait_until_somebody_waits_for_a_lock()
        with transaction.atomic():
            assert List.objects.select_for_update(nowait=True).filter(pk=chosen.pk).exists()
        request.commit()

    assert not List.objects.exists()
