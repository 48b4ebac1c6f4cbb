"""People: who may approve. `data/people.yaml` names persons, the uids they sit behind, their groups and their keys.

Root and the daemon's own user are nobody unless they are named here; a person counts once, however many uids.
"""

from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from sidecar.core.trust import PublicKey, UnusableKey, parse_public_key

GROUP = "group:"
PERSON = "person:"
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,127}\Z"
_CHARACTERS = "letters, digits, `.`, `_`, `@` and `-`, at most 128 characters"
PersonName = Annotated[str, Meta(pattern=_NAME, description=f"a person's name of {_CHARACTERS}")]
GroupName = Annotated[str, Meta(pattern=_NAME, description=f"a group's name of {_CHARACTERS}")]
Uid = Annotated[int, Meta(ge=0, le=2**32 - 2, description="a uid, 0 to 4294967294")]


class Person(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of `data/people.yaml`. `key`, base64 or PEM, is for where uids do not tell people apart."""

    uids: tuple[Uid, ...] = ()
    groups: tuple[GroupName, ...] = ()
    key: str | None = None
    description: str = ""

    def __post_init__(self) -> None:
        try:
            if self.key is not None:
                parse_public_key(self.key)
        except UnusableKey as error:
            raise ValueError(str(error)) from error


class Approver(msgspec.Struct, frozen=True):
    """Somebody who votes: a person by name."""

    name: str
    person: Person

    def is_among(self, approvers: tuple[str, ...]) -> bool:
        """Whether one of `person:NAME` and `group:NAME` is this person."""
        mine = {PERSON + self.name, *(GROUP + group for group in self.person.groups)}
        return not mine.isdisjoint(approvers)

    @property
    def key(self) -> PublicKey | None:
        return parse_public_key(self.person.key) if self.person.key else None


class People:
    """The persons that the bundle names."""

    __slots__ = ("_by_uid", "_persons")

    def __init__(self, persons: Mapping[str, Person]) -> None:
        self._persons = persons
        self._by_uid = {uid: name for name, person in persons.items() for uid in person.uids}

    def behind(self, uid: int | None) -> Approver | None:
        """The person of that uid on a Unix socket."""
        name = self._by_uid.get(uid) if uid is not None else None
        return None if name is None else self.named(name)

    def named(self, name: str) -> Approver | None:
        person = self._persons.get(name)
        return Approver(name, person) if person else None

    def among(self, approvers: tuple[str, ...]) -> frozenset[str]:
        """The names of those who are one of `person:NAME` and `group:NAME`."""
        return frozenset(
            name for name, person in self._persons.items() if Approver(name, person).is_among(approvers)
        )

    @property
    def approvers(self) -> list[str]:
        """Every `group:NAME` and `person:NAME` that is somebody, sorted."""
        groups = {GROUP + group for person in self._persons.values() for group in person.groups}
        return [*sorted(groups), *sorted(PERSON + name for name in self._persons)]

    def __bool__(self) -> bool:
        return bool(self._persons)
