"""Prints the fields of the API's answers as used code, for the search for unused code.

Only callers read them, so the search would report them. Fields of requests are not printed: one
that nothing reads is a fault.
"""

import ast
import sys
from pathlib import Path

ANSWERS = {"Shape", "Answered"}


def main() -> None:
    modules = [
        ast.parse(path.read_text()) for folder in sys.argv[1:] for path in modules_in(folder)
    ]
    classes = [node for module in modules for node in module.body if isinstance(node, ast.ClassDef)]
    known: set[str] = set(ANSWERS)
    while new := {each.name for each in classes if bases_of(each) & known} - known:
        known |= new
    for each in classes:
        if each.name in known:
            for node in each.body:
                if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                    print(f"_.{node.target.id}")  # noqa: T201 - its one duty


def modules_in(folder: str) -> list[Path]:
    return sorted(Path(folder).glob("*.py"))


def bases_of(node: ast.ClassDef) -> set[str]:
    return {base.id for base in node.bases if isinstance(base, ast.Name)}


if __name__ == "__main__":
    main()
