"""The handbook tells the truth: what it names is there, and its examples do what it says."""

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from django.core.management import get_commands, load_command_class
from prometheus_client import REGISTRY
from standardwebhooks.webhooks import WebhookVerificationError

import config.urls  # noqa: F401 - the modules below it register the metrics
from events.decisions.enrollments import Reason
from events.egress import calls as egress
from events.language import files, specs, steps
from events.language.filters import Operator
from events.models import Enrollment, Step
from events.services.engine import webhook_calls
from subscribers.api.errors import STATUS_BY_CODE
from subscribers.models import OutgoingEmail, Subscriber, Workspace
from subscribers.models.api_key import Scope
from subscribers.templating import merge_tags
from subscribers.templating.filters import FILTERS
from tests.support.every_call import every_call

ROOT = Path(__file__).parents[2]
TEXT_BY_NAME = {path.stem: path.read_text() for path in (ROOT / "templates/docs").glob("*.md")}
ALL = "\n".join([*TEXT_BY_NAME.values(), (ROOT / "README.md").read_text()])
PEN_AND_INK = {"event": {"items": [{"name": "Pen"}, {"name": "Ink"}], "note": "a\nb"}}


def blocks(kind: str, text: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def section(page: str, heading: str) -> str:
    """Return what stands below a heading, up to the next of its kind."""
    found = re.search(
        rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", TEXT_BY_NAME[page], re.DOTALL | re.MULTILINE
    )
    assert found, heading
    return found[1]


def first_cells(text: str) -> list[str]:
    """Return every word in backticks of the first column of the tables."""
    cells = re.findall(r"^\| (`[^|]*?) \|", text, re.MULTILINE)
    return [word for cell in cells for word in re.findall(r"`([^`]+)`", cell)]


@pytest.mark.parametrize("example", blocks("yaml", ALL))
def test_every_yaml_example_can_be_imported(example: str) -> None:
    elements: list[Any] = files.load(example.encode())

    assert elements
    if "name" in elements[0]:
        parsed = [specs.parse_sequence(each) for each in elements]
        assert all(specs.parse_sequence(specs.as_wire(each)) == each for each in parsed)
    else:
        found = steps.parse_steps(elements)
        assert len(found) >= len(elements)
        assert steps.parse_steps([step.as_wire() for step in found]) == found


def test_every_key_of_a_yaml_example_says_something() -> None:
    """A misspelt key is ignored by the parser, so the examples come back as they were."""
    for example in blocks("yaml", TEXT_BY_NAME["sequences"]):
        for each in files.load(example.encode()):
            wire = specs.as_wire(specs.parse_sequence(each))
            aliases = {"listIds", "listId", "tagName", "listScope"}
            assert set(each) - aliases <= {*wire, "enrollmentMode"}, each["name"]


def test_every_key_of_an_example_of_a_step_is_explained() -> None:
    """A misspelt key is ignored by the parser, so it would say nothing."""
    explained = set(re.findall(r"`(\w+)`", TEXT_BY_NAME["steps"]))
    # What follows is the reader's own.
    free = {"attributes", "propertyFilters", "headers", "body"}

    def keys(value: Any) -> set[str]:
        if isinstance(value, list):
            return {key for each in value for key in keys(each)}
        if not isinstance(value, dict):
            return set()
        inner = {key for name, each in value.items() if name not in free for key in keys(each)}
        return {*value, *inner}

    for example in blocks("yaml", TEXT_BY_NAME["steps"]):
        used = keys(files.load(example.encode())) - {"name", "trigger", "sendingWindow", "enabled"}
        assert used - explained == set()


@pytest.mark.parametrize("example", blocks("json", ALL))
def test_every_json_example_is_json(example: str) -> None:
    assert json.loads(example)


def test_every_kind_of_step_has_a_section_with_an_example() -> None:
    for kind in Step.Kind.values:
        examples = "\n".join(blocks("yaml", section("steps", kind)))
        assert re.search(rf"type: {kind}\b", examples), kind
    assert first_cells(TEXT_BY_NAME["steps"].partition("## ")[0]) == []
    listed = re.findall(r"^\| \[`(\w+)`\]", TEXT_BY_NAME["steps"], re.MULTILINE)
    assert listed == Step.Kind.values


def test_the_operators_reasons_and_statuses_are_those_of_the_code() -> None:
    assert set(first_cells(section("sequences", "Filters"))) == set(Operator)
    assert set(first_cells(section("sequences", "Why did it not start?"))) == set(Reason)
    assert (
        first_cells(section("sequences", "The states of an enrollment")) == Enrollment.Status.values
    )
    assert first_cells(section("mail", "What becomes of a mail")) == OutgoingEmail.Status.values
    assert first_cells(section("consent", "Statuses")) == Subscriber.Status.values


def test_the_errors_of_a_request_are_those_of_the_code() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| (\d+) \|", TEXT_BY_NAME["errors"], re.MULTILINE)

    assert {code: int(status) for code, status in rows} == STATUS_BY_CODE


def test_every_code_of_the_product_is_on_the_page_of_errors() -> None:
    sources = [
        path.read_text() for app in ("events", "subscribers") for path in (ROOT / app).rglob("*.py")
    ]
    pattern = re.compile(r'\bcode"?(?:: str)? ?[=:] ?"([A-Z_]+)"')
    raised = {code for source in sources for code in pattern.findall(source)}

    assert len(raised) > 15
    assert {code for code in raised if f"`{code}`" not in TEXT_BY_NAME["errors"]} == set()


def test_the_filters_of_merge_tags_are_all_there_and_print_what_is_said() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| `(\{\{.*\}\})` \| (.*) \|$", section("merge-tags", "Filters"), re.MULTILINE
    )

    assert [name for name, _, _ in rows] == sorted(FILTERS)
    for name, example, printed in rows:
        template = example.replace("\\|", "|")
        made = merge_tags.render(template, PEN_AND_INK, is_html=False)
        assert made == printed.strip("`") or name == "newline_to_br", (name, made)


def test_every_template_in_the_pages_can_be_rendered() -> None:
    for example in blocks("", TEXT_BY_NAME["merge-tags"]):
        merge_tags.check(example)


def test_the_scopes_are_those_that_a_key_can_have() -> None:
    assert set(first_cells(section("sending-events", "Keys and scopes"))) == set(Scope)


def test_the_table_of_calls_has_every_call_with_its_scope() -> None:
    rows = re.findall(
        r"^\| `([A-Z]+ \S+)` \| `(\S+)` \|", section("api", "Every call"), re.MULTILINE
    )
    known = {each.name: each.call.scope.value for each in every_call() if each.name in dict(rows)}

    assert dict(rows) == known
    assert {each.name for each in every_call()} == set(known)


@pytest.mark.django_db
def test_every_metric_that_is_named_is_shown() -> None:
    shown = {sample.name for metric in REGISTRY.collect() for sample in metric.samples}
    shown |= {metric.name for metric in REGISTRY.collect()}
    # A counter without a sample yet.
    shown |= {f"{metric.name}_total" for metric in REGISTRY.collect() if metric.type == "counter"}
    named = set(re.findall(r"`(cueline_\w+)`", ALL))

    assert named <= shown
    assert len(named) > 10
    mine = {name for name in shown if name.startswith("cueline_")}
    families = {re.sub(r"_(created|bucket|count|sum)$", "", name) for name in mine}
    assert {name for name in families if not {name, f"{name}_total"} & named} == set()


def test_every_command_that_is_named_is_there_and_the_other_way_round() -> None:
    lines = re.findall(r"manage\.py (\w+)([^\n`]*)", ALL)
    ours = {
        name for name, app in get_commands().items() if app in {"config", "events", "subscribers"}
    }

    assert len(lines) > 30
    for name, rest in lines:
        if name == "qcluster":
            continue
        app = get_commands()[name]
        parser = load_command_class(str(app), name).create_parser("manage.py", name)
        known = set(parser._option_string_actions)
        wanted = re.findall(r"(?<!\S)--[a-z-]+", rest.partition(" #")[0])
        assert set(wanted) <= known, (name, wanted)
    named = {name for name, _ in lines} | set(re.findall(r"`(\w+)`", ALL))
    # Another helper of the house may add a command that only refuses.
    assert ours - {"qcluster", "qinfo", "qmonitor", "qmemory"} <= named


def test_every_file_that_is_named_is_there() -> None:
    names = set(re.findall(r"`((?:config|events|subscribers|templates|tests)/[\w./-]*)`", ALL))

    assert len(names) > 15
    # It is the reader's to make.
    assert {name for name in names if not (ROOT / name).exists()} <= {"subscribers/locale/de"}


def test_every_link_of_the_readme_leads_to_a_file() -> None:
    links = re.findall(r"\]\(([^)]+)\)", (ROOT / "README.md").read_text())

    assert len(links) > 14
    assert [link for link in links if not (ROOT / link).is_file()] == []


def test_the_code_that_verifies_a_webhook_takes_ours_and_no_other() -> None:
    namespace: dict[str, Any] = {}
    _, code = blocks("python", TEXT_BY_NAME["steps"])
    exec(code, namespace)  # noqa: S102 - the page's own
    is_ours = namespace["is_from_cueline"]
    now = int(time.time())

    def headers(timestamp: int) -> dict[str, str]:
        made = egress.sign(secret="s3cret", timestamp=timestamp, body=b"{}")
        return {"Cueline-Timestamp": str(timestamp), "Cueline-Signature": made}

    assert is_ours("s3cret", headers(now), b"{}")
    assert not is_ours("s3cret", headers(now), b"{ }")
    assert not is_ours("another", headers(now), b"{}")
    assert not is_ours("s3cret", headers(now - 3600), b"{}")


def test_the_code_that_verifies_by_standard_webhooks_takes_ours_and_no_other() -> None:
    namespace: dict[str, Any] = {}
    code, _ = blocks("python", TEXT_BY_NAME["steps"])
    exec(code, namespace)  # noqa: S102 - the page's own
    secret = Workspace(webhook_secret="s3cret").standard_webhook_secret
    now = int(time.time())
    headers = webhook_calls.sign_as_standard(
        secret="s3cret", delivery="a:b:1", timestamp=now, body=b'{"a":1}'
    )

    assert namespace["verified"](secret, headers, b'{"a":1}') == {"a": 1}
    with pytest.raises(WebhookVerificationError):
        namespace["verified"](secret, headers, b'{"a":2}')
