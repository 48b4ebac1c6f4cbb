"""What docs/forward-auth.md shows works as it stands there."""

import re

import yaml

from sidecar.config import resolve
from sidecar.core.judge import judge
from sidecar.core.model import Action, Caller, Request, Resource, Subject, Verdict
from tests.tools.bundles import snapshot
from tests.tools.daemon import REPOSITORY

PAGE = (REPOSITORY / "docs" / "forward-auth.md").read_text()
CONFIG, _, RULES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def test_its_config_is_taken(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG)
    assert resolve(file, {}, {}).config.forward_auth.enabled


def test_its_policy_allows_what_it_says():
    rules = yaml.safe_load(RULES)
    shot = snapshot(
        f"rules: {yaml.safe_dump([one | {'reason': 'x'} for one in rules], default_flow_style=True)}"
    )

    def verdict(method, path):
        resource = Resource("http_path", f"shop.example{path}")
        asked = Request(Subject("agent", "shop-1"), Action(f"http.{method}"), resource)
        return judge(shot, asked, Caller(), 2.0).verdict

    assert verdict("get", "/orders/1") is Verdict.ALLOW
    assert {verdict("get", "/orders/"), verdict("delete", "/orders/1")} == {Verdict.DENY}
