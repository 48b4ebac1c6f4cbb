"""What the documents point to is there."""

import re

from tests.tools.daemon import REPOSITORY

DOCUMENTS = [
    REPOSITORY / "README.md",
    REPOSITORY / "shims" / "README.md",
    *sorted((REPOSITORY / "docs").rglob("*.md")),
]


def test_every_test_that_the_matrix_names_exists():
    named = set(
        re.findall(r"`(test_\w+)` \|$", (REPOSITORY / "docs" / "fail-closed.md").read_text(), re.MULTILINE)
    )
    sources = "\n".join(path.read_text() for path in (REPOSITORY / "tests").rglob("test_*.py"))
    assert len(named) > 20
    assert {name for name in named if f"def {name}(" not in sources} == set()


def test_every_link_between_documents_leads_somewhere():
    for document in DOCUMENTS:
        for target in re.findall(r"\]\((?!https?://)([^)#]+)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
