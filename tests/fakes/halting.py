"""A kill switch on a fake store and log, with an authority, a sight and a turned clock."""

from sidecar.core.judge import judge
from sidecar.core.killswitch import Halts
from sidecar.core.masking import Masker
from sidecar.core.model import Caller, Code
from sidecar.service.killswitch.authority import Authority
from sidecar.service.killswitch.sight import Sight
from sidecar.service.killswitch.switch import KillSwitch
from sidecar.service.ports import StateSource
from sidecar.service.state import State
from tests.fakes.clock import TurnedClock
from tests.fakes.decision_log import FakeDecisionLog
from tests.fakes.halt_store import FakeHaltStore
from tests.tools.bundles import bundle, request

RULES = "rules: [{id: all, effect: allow, match: {actions: ['*']}}]\n"
BLIND_AFTER = 10.0


class FakeHalting:
    """`make_source` gives the authority; the state holds a bundle that allows everything."""

    def __init__(self, make_source, *, has_queue=False, now=1_700_000_000.0, rules=RULES):
        self.clock = TurnedClock(now)
        self.log = FakeDecisionLog(self.clock)
        self.store = FakeHaltStore()
        policies = bundle(rules)
        self.state = State(Masker(policies.masking, b"k" * 32))
        self.state.activate(policies, self.state.masker, now)
        self.switch = KillSwitch(self.state, self.store, self.log, self.clock, Halts())
        self.sight = Sight(
            self.clock.monotonic,
            self.clock.now,
            has_queue=has_queue,
            has_state=True,
            blind_after=BLIND_AFTER,
            skew=60.0,
        )
        self.state.watch_sight(self.sight.blind_because)
        self.source: StateSource = make_source(self)
        self.authority = Authority(self.source, self.switch, self.sight, self.clock, 2.0, lambda: 0.0)

    def code(self, subject="agent:a") -> Code:
        """What is answered to this subject now."""
        asked = request("read", subject)
        return judge(self.state.snapshot, asked, Caller(), self.clock.now()).code
