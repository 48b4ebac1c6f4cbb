"""The laws of the book: however orders come, and whatever comes between them, it is never looser than was meant."""

import itertools

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st
from immutables import Map

from sidecar.core.killswitch import Command, Halts, Kind, Order, Origin, Proof, Scope, Target, scope
from sidecar.core.killswitch.book import MARGIN, Book, Outcome, State, fold, key_of, reconcile
from sidecar.core.killswitch.halts import with_order
from sidecar.core.killswitch.scope import ANY, normalized
from sidecar.core.killswitch.target import NO_TEXT
from sidecar.core.policy.globs import compile_glob

NOW = 1_000.0
NEVER, FOREVER = 0.0, float("inf")
A, B = Scope(Kind.AGENT, "a"), Scope(Kind.AGENT, "b")
ENDS = st.sampled_from([None, NOW + 10, NOW + 100, NOW - 10])


def order(command, place=A, seq=None, expires_at=None, **changes):
    """Its id says all of it, so that two different orders have different ids."""
    proof = Proof.SIGNED if seq is not None else Proof.SNS
    made = {"command_id": f"{command} {place} {seq} {expires_at}", "proof": proof, "received_at": NOW}
    return Order(command=command, scope=place, seq=seq, expires_at=expires_at, **(made | changes))


def folded(orders, book=Book(), takes=True):
    for one in orders:
        book, _ = fold(book, one, takes_signed_unblock=takes)
    return book


def ends(book, place, *, numbered=True):
    """Until when the scope is halted by the fleet; NEVER if it is not."""
    found = book.orders.get((Origin.FLEET, place, numbered))
    if found is None or found.command is Command.UNBLOCK:
        return NEVER
    return FOREVER if found.expires_at is None else found.expires_at


def intended(orders, place):
    """The same in words: the highest number wins, of equals a halt, of halts the one that lasts longest."""
    of_scope = [one for one in orders if one.scope == place]
    newest = [one for one in of_scope if one.seq == max(other.seq for other in of_scope)]
    halts = [one for one in newest if one.command is Command.BLOCK]
    return max((FOREVER if one.expires_at is None else one.expires_at for one in halts), default=NEVER)


SIGNED = st.builds(order, st.sampled_from(Command), st.sampled_from([A, B]), st.integers(0, 4), ENDS)
FLEETS = st.lists(SIGNED, max_size=8, unique_by=lambda one: one.identity)


@given(FLEETS, st.data())
def test_whole_in_any_order_and_any_number_of_times_it_is_what_was_meant(orders, data):
    arrived = data.draw(
        st.permutations(orders + data.draw(st.lists(st.sampled_from(orders)) if orders else st.just([])))
    )
    book = folded(arrived)
    for place in (A, B):
        assert ends(book, place) == intended(orders, place)
    assert folded(arrived, book) == book


@given(FLEETS, st.booleans(), st.data())
def test_without_some_of_its_releases_it_is_never_looser(orders, takes, data):
    releases = [one for one in orders if one.command is Command.UNBLOCK]
    lost = data.draw(st.sets(st.sampled_from(releases))) if releases else set()
    arrived = data.draw(st.permutations([one for one in orders if one not in lost]))
    book = folded(arrived, takes=takes)
    for place in (A, B):
        assert ends(book, place) >= intended(orders, place)


def test_every_order_of_every_small_set_with_each_of_it_twice():
    some = [
        order(Command.BLOCK, seq=1),
        order(Command.UNBLOCK, seq=2),
        order(Command.BLOCK, seq=2, expires_at=NOW + 10),
        order(Command.BLOCK, seq=3, expires_at=NOW + 10),
        order(Command.BLOCK, seq=3, expires_at=NOW + 100),
        order(Command.UNBLOCK, seq=4),
    ]
    for size in range(1, 4):
        for chosen in itertools.combinations(some, size):
            for arrived in set(itertools.permutations(chosen * 2)):
                assert ends(folded(arrived), A) == intended(chosen, A)
    for arrived in itertools.permutations(some):
        assert ends(folded(arrived), A) == intended(some, A)
        assert ends(folded(arrived, takes=False), A) == intended(some[:-1], A)


DOCUMENTED = st.builds(
    order,
    st.sampled_from(Command),
    st.sampled_from([A, B]),
    st.none(),
    ENDS,
    proof=st.sampled_from([Proof.SNS, Proof.PROVISIONAL, Proof.NOT_UNDERSTOOD]),
)


@given(st.lists(DOCUMENTED | SIGNED), st.booleans())
def test_a_documented_block_is_released_by_nothing_that_comes_by_the_queue(orders, takes):
    book = Book()
    for one in orders:
        before = {place: ends(book, place, numbered=False) for place in (A, B)}
        book, outcome = fold(book, one, takes_signed_unblock=takes)
        assert all(ends(book, place, numbered=False) >= before[place] for place in (A, B))
        if one.seq is None and one.command is Command.BLOCK:
            assert outcome in (Outcome.APPLIED, Outcome.DUPLICATE)
            assert ends(book, one.scope, numbered=False) >= (one.expires_at or FOREVER)


@given(st.lists(DOCUMENTED), st.data())
def test_what_is_not_proven_takes_nothing_from_what_is(orders, data):
    """Whoever may write to the queue can send any halt without proof, before or after the proven one."""
    proven = [one for one in orders if one.proof is not Proof.PROVISIONAL]
    arrived = data.draw(st.permutations(orders))
    for place in (A, B):
        assert ends(folded(arrived), place, numbered=False) >= ends(folded(proven), place, numbered=False)
        if any(one.scope == place and one.command is Command.BLOCK for one in proven):
            assert folded(arrived).orders[(Origin.FLEET, place, False)].proof is not Proof.PROVISIONAL


def test_a_proof_that_comes_late_is_taken_note_of():
    unproven = order(Command.BLOCK, proof=Proof.PROVISIONAL, expires_at=NOW + 10)
    book, outcome = fold(folded([unproven]), order(Command.BLOCK, expires_at=NOW + 10))
    assert (outcome, book.orders[key_of(unproven)].proof) == (Outcome.APPLIED, Proof.SNS)


ANYONES = st.builds(
    order,
    st.sampled_from(Command),
    st.sampled_from([A, B]),
    st.none() | st.integers(0, 4),
    ENDS,
    origin=st.sampled_from(Origin),
    received_at=st.sampled_from([NOW - 100, NOW, NOW + 1, NOW + 100]),
    issued_at=st.sampled_from([0.0, NOW - 50, NOW, NOW + 50]),
)
STATED = st.builds(order, st.just(Command.BLOCK), st.sampled_from([A, B]), st.none() | st.integers(0, 4), ENDS,
                   proof=st.just(Proof.STATE))  # fmt: skip
STATES = st.builds(
    State,
    st.sampled_from([NOW - 50, NOW, NOW + MARGIN, NOW + 200]),
    st.lists(STATED, max_size=3).map(tuple),
    st.lists(st.tuples(st.sampled_from([A, B]), st.integers(0, 4)), max_size=2).map(tuple),
    st.none() | st.frozensets(st.sampled_from([A, B])),
    st.booleans(),
)


def check_restated(before, after, state, changed):
    over = dict(state.released)
    stated = {one.scope for one in state.halts}
    for key, was in before.orders.items():
        origin, place, numbered = key
        now = after.orders[key]
        if origin is not Origin.FLEET:
            assert now == was
        elif was.command is Command.BLOCK and now.command is Command.UNBLOCK:
            assert place not in stated
            assert state.covers is None or place in state.covers
            is_named = numbered and place in over and over[place] >= was.seq
            assert is_named or state.as_of >= was.since + MARGIN
        elif was.command is Command.BLOCK:
            assert numbered or ends(after, place, numbered=False) >= ends(before, place, numbered=False)
    for halt in state.halts:
        now = after.orders[key_of(halt)]
        is_newer = halt.seq is not None and now.seq > halt.seq
        assert is_newer or ends(after, halt.scope, numbered=halt.seq is not None) >= (
            halt.expires_at or FOREVER
        )
    assert list(changed) == [after.orders[key_of(one)] for one in changed]
    assert {key_of(one) for one in changed} == {
        key for key, now in after.orders.items() if before.orders.get(key) != now
    }


@given(st.lists(ANYONES | STATES, max_size=20), st.booleans())
def test_between_any_orders_a_state_releases_only_what_it_can_know_of(steps, takes):
    book, index = Book(), Halts()
    for step in steps:
        before = book
        if isinstance(step, Order):
            book, _ = fold(book, step, takes_signed_unblock=takes)
            others = {key for key in book.orders if key[0] is not step.origin}
            assert all(book.orders[key] == before.orders[key] for key in others)
        else:
            book, changed = reconcile(book, step)
            check_restated(before, book, step, changed)
        for key, newest in book.orders.items():
            if before.orders.get(key) != newest:
                index = with_order(index, newest, before.orders.get(key))
    assert contents(index) == contents(rebuilt(book))


def test_only_a_state_that_knows_the_whole_mends_a_book_that_was_damaged():
    damaged = Book(is_damaged=True)
    assert reconcile(damaged, State(NOW, is_whole=False))[0].is_damaged
    assert not reconcile(damaged, State(NOW))[0].is_damaged
    assert folded([order(Command.UNBLOCK, seq=1)], damaged).is_damaged


def test_the_newest_identities_are_known_however_many_came_and_the_oldest_are_forgotten():
    book = Book()
    for number in range(25_000):
        book, outcome = fold(book, order(Command.UNBLOCK, command_id=f"c-{number}"))
        assert outcome is Outcome.HINT
    for number in range(15_000, 25_000):
        assert fold(book, order(Command.UNBLOCK, command_id=f"c-{number}"))[1] is Outcome.DUPLICATE
    assert len(book.seen) + len(book.seen_before) <= 20_000
    assert fold(book, order(Command.UNBLOCK, command_id="c-0"))[1] is Outcome.HINT


def rebuilt(book):
    index = Halts()
    for one in book.orders.values():
        index = with_order(index, one, None)
    return index


def contents(index):
    """What the index holds, whatever order it came in."""
    named = {
        (kind, name): frozenset(orders) for kind, by in index.named.items() for name, orders in by.items()
    }
    globs = {text: frozenset(one.orders) for by in index.globs.by_prefix.values() for text, one in by.items()}
    return named, globs, dict(index.globs.lengths)


NAMES = st.sampled_from(["a", "ab", "agent:a", "b", "files", "mcp", "s-1", ANY])
GLOBS = st.sampled_from(["*", "a*", "?b", "agent:*", "ab", "*b", "a?", "\\*", "files"])
PLACES = st.builds(
    scope, st.sampled_from([kind for kind in Kind if kind is not Kind.AGENTS]), NAMES
) | st.builds(scope, st.just(Kind.AGENTS), GLOBS)
INDEXED = st.builds(
    order,
    st.sampled_from([Command.BLOCK, Command.BLOCK, Command.UNBLOCK]),
    PLACES,
    st.none() | st.integers(0, 3),
    ENDS,
    origin=st.sampled_from(Origin),
)
SOME = st.lists(st.sampled_from(["a", "ab", "agent:a", "b", "files", "mcp", "s-1", "x", ""]), max_size=3).map(
    tuple
)
TEXTS = st.lists(st.sampled_from(["a", "files", "mcp", "x", NO_TEXT]), max_size=2).map(tuple)
TARGETS = st.builds(
    lambda actors, above, **others: Target(actors, actors + above, **others),
    SOME,
    SOME,
    groups=SOME,
    session=st.sampled_from(["", "s-1", "a"]),
    servers=TEXTS,
    tools=TEXTS,
    is_mcp=st.booleans(),
)


def is_hit(place, target, here, organization):
    """A halt's scope and a target, one by one and in plain words."""
    name, servers, tools = place.name, target.servers, target.tools
    is_any = name == ANY
    match place.kind:
        case Kind.ORGANIZATION:
            return is_any or organization in ("", name)
        case Kind.HOST:
            return is_any or name in here
        case Kind.AGENT:
            return is_any or name in target.above
        case Kind.AGENTS:
            return any(compile_glob(name).matches(actor) for actor in target.above)
        case Kind.GROUP:
            return name in target.groups or (is_any and target.groups != ())
        case Kind.MCP_SERVER:
            return name in servers or NO_TEXT in servers or (is_any and (target.is_mcp or servers != ()))
        case Kind.TOOL:
            return name in tools or NO_TEXT in tools or (is_any and (target.is_mcp or tools != ()))
        case Kind.ORCHESTRATION:
            return is_any or name in target.above or (target.session != "" and name == target.session)


@settings(max_examples=300)
@given(st.lists(INDEXED, max_size=12), TARGETS, st.sampled_from(["", "a", "b"]))
def test_the_index_finds_what_looking_at_every_halt_finds(orders, target, organization):
    book, index = Book(), Halts(here=("a",), organization=organization)
    for one in orders:
        before = book
        book, outcome = fold(book, one, takes_signed_unblock=True)
        if outcome is Outcome.APPLIED:
            index = with_order(index, book.orders[key_of(one)], before.like(one))
    expected = {
        one for one in book.halts() if one.holds(NOW) and is_hit(one.scope, target, ("a",), organization)
    }
    assert set(index.hitting(target, NOW)) == expected
    found = index.find(target, NOW)
    assert (found in expected) if expected else found is None
    assert contents(index) == contents(rebuilt(book))
    assert index.is_clear == (not any(book.halts()))


@example(Scope(Kind.MCP_SERVER, "a"), Target((), (), servers=("a",)))
@example(Scope(Kind.MCP_SERVER, "a"), Target((), (), servers=(NO_TEXT,)))
@example(Scope(Kind.TOOL, "a"), Target((), (), tools=("a",)))
@example(Scope(Kind.ORCHESTRATION, "a"), Target(("a",), ("a",)))
@example(Scope(Kind.GROUP, "a"), Target((), (), groups=("a",)))
@given(PLACES, TARGETS)
def test_a_halt_of_every_one_hits_whatever_a_halt_of_one_hits(place, target):
    one = with_order(Halts(here=("a",)), order(Command.BLOCK, place), None)
    every = with_order(Halts(here=("a",)), order(Command.BLOCK, Scope(place.kind)), None)
    if one.find(target, NOW):
        assert every.find(target, NOW)


@example(Kind.TOOL, "H\u0331")  # as a small letter it has a composed form, as a capital one it has none
@example(Kind.HOST, "\u0130")
@given(st.sampled_from(Kind), st.text(max_size=8))
def test_the_form_that_names_are_compared_in_is_one(kind, name):
    plain = normalized(kind, name)
    assert normalized(kind, plain) == plain


def test_an_index_that_all_was_taken_out_of_is_empty():
    index = Halts()
    halts = [order(Command.BLOCK, scope(kind, name)) for kind in Kind for name in ("a", "ab", "a*")]
    for one in halts:
        index = with_order(index, one, None)
    for one in halts:
        index = with_order(index, msgspec.structs.replace(one, command=Command.UNBLOCK), one)
    assert index.is_clear
    assert (index.named, index.globs.by_prefix, index.globs.lengths) == (Map(), Map(), Map())
