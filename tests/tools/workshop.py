"""A workshop: a folder of policies, two key pairs, and the commands that make a signed bundle of them."""

RULES = """\
apiVersion: ascend.sidecar/v1
kind: Policy
metadata: {name: files}
rules:
  - id: reads
    match: {actions: ["file.read"]}
    effect: allow
    reason: Reading is free.
"""
TESTS = """\
apiVersion: ascend.sidecar/v1
kind: PolicyTest
tests:
  - name: reading is allowed
    given: {subject: "agent:x", action: file.read, resource: "file:/srv/a"}
    expect: {verdict: allow, rules: [reads]}
"""
READ = ("agent:x", "file.read", "file:/srv/a")


def done(ran):
    """A command that ended well."""
    assert ran.code == 0, ran.err
    return ran


def trusting(keys, *names, threshold=1):
    """The options that name these public keys."""
    return [*(part for name in names for part in ("--pub", keys / f"{name}.pub")), "--threshold", threshold]
