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


def test_the_page_of_quick_starts_says_how_the_commands_of_each_page_are_tried():
    page = (REPOSITORY / "docs" / "quick-starts.md").read_text()
    _, _, table = page.partition("## How these commands are tried")
    rows = re.findall(r"^\| \[[^\]]+\]\(([^)]+)\) \|.*?\| ([^|]+) \|$", table, re.MULTILINE)
    tried = {
        (REPOSITORY / "docs" / page).resolve(): re.findall(r"`(tests/[\w/.]+)`", by) for page, by in rows
    }
    assert {page for page in DOCUMENTS if "```sh" in page.read_text()} <= set(tried)
    for page, tests in tried.items():
        sources = [(REPOSITORY / test).read_text() for test in tests]
        assert any(page.name in source for source in sources), f"none of {tests} reads {page.name}"
