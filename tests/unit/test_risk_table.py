"""The risk table: strict, with the place of what is wrong."""

import pytest

from sidecar.core.document import DocumentError, JsonDocument, parse_documents
from sidecar.core.risk import parse_risk
from sidecar.core.risk.table import Tactic
from tests.fakes.default_risk import PATH, TABLE

TEXT = PATH.read_text()


def findings(text):
    with pytest.raises(DocumentError) as caught:
        parse_risk(parse_documents("data/risk.yaml", text.encode())[0])
    return [str(diagnostic) for diagnostic in caught.value.diagnostics]


def spot(text, piece):
    """`line:column` of the first place where this stands."""
    before = text[: text.index(piece)]
    return f"data/risk.yaml:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"


def changed(old, new):
    assert old in TEXT
    return TEXT.replace(old, new, 1)


def test_every_verb_has_a_baseline_and_all_but_two_a_technique():
    assert len(TABLE.verbs) == 53
    assert [name for name, verb in TABLE.verbs.items() if verb.attack is None] == ["server.ping", "unknown"]
    assert {verb.attack.tactic for verb in TABLE.verbs.values() if verb.attack} <= set(Tactic)


def test_the_publicly_documented_baselines_are_exact():
    assert [TABLE.verbs[verb].base for verb in ("fs.list", "fs.write", "fs.delete")] == [15, 50, 75]


def test_a_malformed_vector_is_named_with_its_line_and_column():
    text = changed("cvss: AV:L/AC:L/PR:L/UI:N/S:U/C:N/I:H/A:L", "cvss: AV:L/AC:Q/PR:L/UI:N/S:U/C:N/I:H/A:L")
    assert findings(text)[0].startswith(
        f'{spot(text, "AV:L/AC:Q")}: not a CVSS v3.1 vector: Unknown value "Q"'
    )


def test_an_alias_of_two_verbs_is_named_with_its_line_and_the_other_verb():
    text = changed("aliases: [append_file,", "aliases: [WRITE_FILE, append_file,")
    assert findings(text) == [
        f"{spot(text, 'write_file, ')}: `write_file` already names the verb `fs.append` (keep one of them)"
    ]


def test_a_fact_may_only_become_and_verbs_only_imply_what_there_is():
    text = changed("- verb: secret.read", "- verb: secret.raed").replace(
        "unknown, code.sandbox", "unkwown", 1
    )
    text = text.replace("implies: [own_files]", "implies: [own_filse]", 1)
    found = findings(text)
    assert f"{spot(text, 'secret.raed')}: unknown verb `secret.raed` (did you mean `secret.read`?)" in found
    assert any("unknown verb `unkwown` (did you mean `unknown`?)" in finding for finding in found)
    assert f"{spot(text, 'own_filse')}: unknown fact `own_filse` (did you mean `own_files`?)" in found


def test_a_fact_of_an_unknown_group_is_refused():
    text = changed("group: secrets", "group: secerts")
    assert findings(text) == [f"{spot(text, 'secerts')}: unknown group `secerts` (did you mean `secrets`?)"]


def test_a_fact_that_nothing_recognises_is_refused():
    text = changed("    excess: true\n", "")
    assert findings(text)[0].startswith(f"{spot(text, 'excess:')}: nothing recognises the fact `excess`")


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("add: 20", "add: -20", ">= 0"),
        ("base: 50", "base: 100", "<= 99"),
        ("technique: T1083", "technique: 1083", "expected a string"),
        ("technique: T1083", "technique: X1083", "matching regex"),
        ("tactic: discovery", "tactic: discover", "did you mean `discovery`?"),
        ("likelihood: moderate", "likelihood: medium", "is not one of very_low, low"),
        ("cvss: {S: C}", "cvss: {S: U}", "U"),
        ("bands: {medium: 40, high: 70", "bands: {medium: 70, high: 70", "the bands must rise"),
        ("spares: [read_only]", "spare: [read_only]", "did you mean `spares`?"),
    ],
)
def test_values_out_of_range_are_refused(old, new, complaint):
    assert complaint in findings(changed(old, new))[0]


def test_a_table_without_the_verb_for_unknown_actions_is_refused():
    text = changed("\n  unknown:\n", "\n  unnamed:\n")
    assert any("missing verb `unknown`" in finding for finding in findings(text))


def test_the_order_in_which_a_table_is_written_decides_nothing():
    """A signed bundle keeps none, so ties must fall by something else."""
    (document,) = parse_documents("data/risk.yaml", PATH.read_bytes())
    turned = {
        name: dict(reversed(part.items())) if isinstance(part, dict) else part
        for name, part in document.value.items()
    }
    table = parse_risk(JsonDocument("data/risk.yaml", turned))
    assert table == TABLE
    assert list(table.verbs) == list(TABLE.verbs)
    assert list(table.facts) == list(TABLE.facts)
