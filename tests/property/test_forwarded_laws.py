"""Laws of held requests: a path that is taken has one reading, and no way of writing it gets past a deny."""

from unicodedata import normalize
from urllib.parse import quote, unquote

from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.forwarded import HTTP_PATH, host_of, why_hostile
from sidecar.core.judge import judge
from sidecar.core.model import Action, Caller, Request, Resource, Subject, Verdict
from sidecar.core.paths import normalise
from tests.tools.bundles import snapshot

PIECES = st.sampled_from(
    ["/", "a", "B", ".", "..", "%2e", "%2F", "%5c", "\\", "%00", "%25", "2e", "%", ";", "%c0%af", "%C3%A9", "é", "\0",
     "?", "#", " ", "%20", "admin", "%61dmin", "//"]
)  # fmt: skip
PATHS = st.lists(PIECES, max_size=10).map("".join) | st.text(max_size=20)
GUARDED = snapshot("""rules:
  - {id: all, effect: allow, reason: fine}
  - {id: admin, match: {resources: ["http_path:h/admin*"]}, effect: deny, reason: not there}
""")


@given(PATHS.map(lambda path: f"/{path}"))
def test_a_path_that_is_taken_has_one_reading(path):
    if why_hostile(path):
        return
    plain = unquote(path, errors="strict")
    assert unquote(plain) == plain
    assert not set(plain) & set("\\;\0\r\n")
    assert not {".", ".."} & set(plain.split("/"))
    assert plain.count("/") == path.count("/")
    assert normalise(f"h{path}") == normalize("NFC", f"h{plain}").rstrip("/")


@given(st.lists(st.booleans(), min_size=5, max_size=5), st.sampled_from(["", "/", "/users", "?x"]))
def test_no_way_to_write_a_path_gets_past_a_deny(encoded, rest):
    written = "".join(
        f"%{ord(char):02x}" if hide else char for char, hide in zip("admin", encoded, strict=True)
    )
    asked = Request(Subject("agent", "a"), Action("http.get"), Resource(HTTP_PATH, f"h/{written}{rest}"))
    assert why_hostile(f"/{written}") == ""
    assert judge(GUARDED, asked, Caller(), 2.0).verdict is Verdict.DENY


@given(st.text(max_size=40))
def test_a_host_that_is_taken_is_taken_as_what_it_is_again(header):
    found = host_of(header)
    if found is not None:
        name, port = found
        assert host_of(name) == (name, "")
        assert not set(name) & set("/\\@ %")
        assert port == "" or port.isdigit()


@given(st.text(max_size=40))
def test_what_a_client_encodes_in_full_is_taken_or_refused_and_never_fails(text):
    assert isinstance(why_hostile(f"/{quote(text, safe='', errors='replace')}"), str)
