"""Nobody fills a stranger's mailbox through a sign-up form, however the address is spelled.

Web process, worker, mail server and database are real.
"""

import pytest

from tests.support.signing_up import installation
from tests.support.working import StartWorker

pytestmark = pytest.mark.live

MAILBOXES = {
    "gmail": ["bombme@gmail.com", "bomb.me@gmail.com", "bombme@googlemail.com"],
    "icloud": ["bombme@icloud.com", "bombme@me.com", "bombme@mac.com"],
    "proton": [
        "bombme@protonmail.com", "bombme@proton.me", "bombme@pm.me", "bomb.me@proton.me",
        "bomb-me@proton.me", "bomb_me@proton.me",
    ],
    "fastmail": ["bombme@fastmail.com", *(f"x{each}@bombme.fastmail.com" for each in range(5))],
    "yandex": ["bomb-me@yandex.ru", "bomb.me@ya.ru", "bomb.me@yandex.com", "bomb-me@yandex.kz"],
}  # fmt: skip


def test_all_spellings_of_a_mailbox_get_one_mail_a_day(
    environment: dict[str, str], start_worker: StartWorker
) -> None:
    with installation(environment, start_worker) as (house, _):
        queued = {
            name: [house.sign_up(each, events=1)["optIn"]["emailQueued"] for each in spellings]
            for name, spellings in MAILBOXES.items()
        }
        house.sign_up("last@example.com", events=1)
        house.wait_for_mails("last@example.com", 1)
        mailed = house.server.recipients

    assert {name: sum(each) for name, each in queued.items()} == dict.fromkeys(MAILBOXES, 1)
    assert sorted(mailed) == sorted(["last@example.com", *(all_[0] for all_ in MAILBOXES.values())])
