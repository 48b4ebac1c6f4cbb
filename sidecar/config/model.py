"""Config: everything the operator decides, as one frozen value with the defaults of the product."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from sidecar.config.forward_auth import ForwardAuth
from sidecar.config.killswitch import KillSwitch
from sidecar.config.section import Name, Section, part, unit
from sidecar.config.units import Address, Mode, Seconds, Size


class LogLevel(StrEnum):
    """The least severe line that is still logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """For eyes, or one JSON object a line."""

    CONSOLE = "console"
    JSON = "json"


class Fsync(StrEnum):
    """When a record is forced to disk: before its answer, soon after, or when the system likes."""

    ALWAYS = "always"
    INTERVAL = "interval"
    NEVER = "never"


class Socket(Section, frozen=True):
    """Who may connect to the decision socket."""

    mode: Annotated[Mode, Meta(description="Permission bits of the decision socket, in octal.")] = unit(
        Mode, "0660"
    )
    group: Annotated[
        Name | None, Meta(description="Group that owns the decision socket and the run folder.")
    ] = None


class Tls(Section, frozen=True):
    """TLS on the decision address. Both files or neither."""

    cert: Annotated[Path | None, Meta(description="Certificate chain, PEM.")] = None
    key: Annotated[Path | None, Meta(description="Private key, PEM.")] = None


class Log(Section, frozen=True):
    """What the daemon writes to standard error."""

    level: Annotated[LogLevel, Meta(description="The least severe line that is logged.")] = LogLevel.INFO
    format: Annotated[LogFormat, Meta(description="For eyes, or a JSON object a line.")] = LogFormat.CONSOLE


class Limits(Section, frozen=True):
    """Bounds on what callers may send and how long they may take."""

    body: Annotated[Size, Meta(description="Largest request body.")] = unit(Size, "256KiB")
    depth: Annotated[int, Meta(ge=4, le=128), Meta(description="Deepest nesting of a JSON body.")] = 32
    headers: Annotated[Size, Meta(description="Largest set of request headers.")] = unit(Size, "16KiB")
    batch: Annotated[int, Meta(ge=1, le=1000), Meta(description="Most evaluations in one request.")] = 100
    read_timeout: Annotated[Seconds, Meta(description="Time for headers and body to arrive.")] = unit(
        Seconds, "5s"
    )
    idle: Annotated[Seconds, Meta(description="When a silent connection is closed.")] = unit(Seconds, "75s")
    in_flight: Annotated[
        int, Meta(ge=4, le=65536), Meta(description="Most requests at work; one caller gets a quarter.")
    ] = 1024
    wait: Annotated[Seconds, Meta(description="Longest wait that a caller may prefer.")] = unit(
        Seconds, "55s"
    )


class Keep(Section, frozen=True):
    """How much of the decision log stays. Sealed segments go oldest first."""

    bytes: Annotated[Size, Meta(description="Most bytes of log segments.")] = unit(Size, "4GiB")
    age: Annotated[Seconds, Meta(description="Greatest age of a log segment.")] = unit(Seconds, "400d")


class Witness(Section, frozen=True):
    """Where checkpoints are copied to: only a copy elsewhere shows that the log's tail was cut."""

    file: Annotated[
        Path | None, Meta(description="File with the newest checkpoint, best on another disk.")
    ] = None


class Audit(Section, frozen=True):
    """The decision log."""

    fsync: Annotated[
        Fsync, Meta(description="Anything but `always` lets an answer leave before its record is on disk.")
    ] = Fsync.ALWAYS
    deadline: Annotated[Seconds, Meta(description="Time to make a record durable; past it, deny.")] = unit(
        Seconds, "250ms"
    )
    segment: Annotated[Size, Meta(description="Size at which a log segment is sealed.")] = unit(Size, "64MiB")
    keep: Annotated[Keep, Meta(description="How much of the log stays.")] = part(Keep)
    witness: Annotated[Witness, Meta(description="Where checkpoints are copied to.")] = part(Witness)
    origin: Annotated[
        Name | None,
        Meta(description="Name of this log in its checkpoints; by default made from the host's name."),
    ] = None


class SameUid(StrEnum):
    """Whether the uid that asks for an action may also approve it."""

    DENY = "deny"
    ALLOW = "allow"


class Approvals(Section, frozen=True):
    """Who may answer actions that wait for people. The bundle's `data/people.yaml` says whose votes count."""

    group: Annotated[
        Name | None,
        Meta(description="Group that may connect to the approvals socket; without one there is none."),
    ] = None
    same_uid: Annotated[
        SameUid,
        Meta(description="`allow` lets the uid that asks for an action approve it, for demonstrations only."),
    ] = SameUid.DENY


class Ascend(Section, frozen=True):
    """The ASCEND dialect."""

    answer_waiters_after: Annotated[
        Seconds,
        Meta(
            description="Age from which on a status poll of a held action is told denied, "
            "before its client takes its own timeout for a yes; 0s: never."
        ),
    ] = unit(Seconds, "50s")


class Shutdown(Section, frozen=True):
    """How the daemon stops."""

    grace: Annotated[Seconds, Meta(description="Longest time to go on after SIGTERM.")] = unit(Seconds, "10s")


class BundleSource(Section, frozen=True):
    """Where the signed bundle comes from, and how it is looked for. Durations also hold for a folder of policies."""

    source: Annotated[
        Name | None, Meta(description="Signed bundle: a file, an http(s) URL, or s3://bucket/key.")
    ] = None
    poll: Annotated[
        Seconds, Meta(description="Time between two looks at the source, give or take a tenth.")
    ] = unit(Seconds, "60s")
    long_poll: Annotated[
        Seconds,
        Meta(description="How long a source may hold its answer back until something is new; 0s: never."),
    ] = unit(Seconds, "30s")
    timeout: Annotated[Seconds, Meta(description="Time for a whole download.")] = unit(Seconds, "30s")
    max_staleness: Annotated[
        Seconds, Meta(description="Time without a successful look from which on everything is denied.")
    ] = unit(Seconds, "24h")
    max_download: Annotated[Size, Meta(description="Most bytes of a bundle as it is sent.")] = unit(
        Size, "16MiB"
    )
    max_size: Annotated[Size, Meta(description="Most bytes of a bundle once decompressed.")] = unit(
        Size, "64MiB"
    )
    token_file: Annotated[
        Path | None, Meta(description="Bearer token for the source, read anew each time.")
    ] = None
    ca_file: Annotated[
        Path | None, Meta(description="Certificates that the source's is checked by, PEM.")
    ] = None
    require: Annotated[
        bool,
        Meta(description="Do not start without a verified bundle, instead of denying until there is one."),
    ] = False


class TrustedKeys(Section, frozen=True):
    """Who may sign bundles, and which ones are for this host."""

    keys: Annotated[
        tuple[str, ...],
        Meta(description="Public keys: PEM files, or base64 in one line as `bundle keygen` prints it."),
    ] = ()
    threshold: Annotated[
        int, Meta(ge=1, le=16), Meta(description="How many of the keys must have signed.")
    ] = 1
    version: Annotated[
        int, Meta(ge=0, le=2**31), Meta(description="Version of the key set that `keys` are; 0 is the first.")
    ] = 0
    name: Annotated[Name, Meta(description="Name that bundles must have.")] = "default"
    audience: Annotated[
        tuple[str, ...],
        Meta(description="Labels of this host; a bundle is for one of them, or for any host."),
    ] = ()
    min_revision: Annotated[
        int, Meta(ge=0, le=2**53), Meta(description="Lowest revision that is ever accepted.")
    ] = 0
    clock_skew: Annotated[
        Seconds, Meta(description="How far in the future a bundle may have been issued.")
    ] = unit(Seconds, "60s")


class Shadow(Section, frozen=True):
    """A candidate that is judged beside the active policies, and never enforced."""

    source: Annotated[
        Name | None,
        Meta(
            description="Candidate: a signed bundle like bundle.source, or a folder where policies are a folder."
        ),
    ] = None


class Outbox(Section, frozen=True):
    """How much is kept for a platform that cannot be told just now."""

    bytes: Annotated[
        Size, Meta(description="Most bytes; heartbeats and reports go first, what was promised never.")
    ] = unit(Size, "64MiB")
    age: Annotated[Seconds, Meta(description="Greatest age; what is older is dropped.")] = unit(Seconds, "7d")


class Platform(Section, frozen=True):
    """The remote ASCEND service that scores and holds actions; without a URL there is none."""

    url: Annotated[
        Name | None,
        Meta(description="https address; by default ASCEND_API_URL where that is not of this machine."),
    ] = None
    key_file: Annotated[
        Path | None,
        Meta(description="API key, read again when it changes; else ASCEND_SIDECAR_PLATFORM_KEY."),
    ] = None
    environment: Annotated[Name, Meta(description="Environment that the platform is told.")] = "production"
    timeout: Annotated[
        Seconds, Meta(description="Time for a call with its repeats; a caller may have less.")
    ] = unit(Seconds, "3s")
    signing_secret_file: Annotated[
        Path | None, Meta(description="Secret that calls are signed with, read again when it changes.")
    ] = None
    ca_file: Annotated[
        Path | None, Meta(description="Certificates that the platform's is checked by, PEM.")
    ] = None
    report_decisions: Annotated[
        bool,
        Meta(description="Tell the platform of every decision, and not only of those it let pass unasked."),
    ] = False
    outbox: Annotated[Outbox, Meta(description="What the platform has yet to be told.")] = part(Outbox)


class Config(Section, frozen=True):
    """The effective configuration of one daemon. Durations are seconds, sizes are bytes."""

    listen: Annotated[Address, Meta(description="TCP address that decides.")] = unit(
        Address, "127.0.0.1:8181"
    )
    ops_listen: Annotated[Address, Meta(description="TCP address of probes and metrics.")] = unit(
        Address, "127.0.0.1:8182"
    )
    state_dir: Annotated[Path, Meta(description="Folder of the decision log, keys and the admin socket.")] = (
        unit(Path, "/var/lib/ascend-sidecar")
    )
    run_dir: Annotated[Path, Meta(description="Folder of the sockets that are meant for others.")] = unit(
        Path, "/run/ascend-sidecar"
    )
    socket: Annotated[Socket, Meta(description="The decision socket.")] = part(Socket)
    policies: Annotated[
        Name | None,
        Meta(description="Trusted folder of policies, or `default` for those in the package."),
    ] = None
    bundle: Annotated[BundleSource, Meta(description="The source of signed policies.")] = part(BundleSource)
    trust: Annotated[TrustedKeys, Meta(description="Who may sign bundles.")] = part(TrustedKeys)
    shadow: Annotated[Shadow, Meta(description="A candidate beside the active policies.")] = part(Shadow)
    platform: Annotated[Platform, Meta(description="The remote ASCEND service.")] = part(Platform)
    killswitch: Annotated[KillSwitch, Meta(description="Where halts come from.")] = part(KillSwitch)
    allowed_hosts: Annotated[
        tuple[str, ...],
        Meta(description="Host names, besides loopback ones, by which callers may address us."),
    ] = ()
    tokens_file: Annotated[
        Path | None,
        Meta(description="Bearer tokens that may ask over TCP: lines of `id:` and a SHA-256 in hex."),
    ] = None
    tls: Annotated[Tls, Meta(description="TLS on the decision address.")] = part(Tls)
    public_base_url: Annotated[
        Name | None, Meta(description="https address that AuthZEN metadata names as ours.")
    ] = None
    log: Annotated[Log, Meta(description="The daemon's own log lines.")] = part(Log)
    limits: Annotated[Limits, Meta(description="Bounds on callers.")] = part(Limits)
    audit: Annotated[Audit, Meta(description="The decision log.")] = part(Audit)
    approvals: Annotated[Approvals, Meta(description="Who may answer actions that wait for people.")] = part(
        Approvals
    )
    ascend: Annotated[Ascend, Meta(description="The ASCEND dialect.")] = part(Ascend)
    forward_auth: Annotated[ForwardAuth, Meta(description="Envoy ext_authz and nginx auth_request.")] = part(
        ForwardAuth
    )
    shutdown: Annotated[Shutdown, Meta(description="How the daemon stops.")] = part(Shutdown)

    @property
    def can_verify_halts(self) -> bool:
        """Whether there are keys by which orders, beacons and state documents are believed."""
        return bool(self.killswitch.keys or self.trust.keys)

    @property
    def decision_socket(self) -> Path:
        return self.run_dir / "sidecar.sock"

    @property
    def forward_auth_socket(self) -> Path:
        return self.run_dir / "forward-auth.sock"

    @property
    def approvals_socket(self) -> Path:
        return self.run_dir / "approvals.sock"

    @property
    def admin_socket(self) -> Path:
        return self.state_dir / "admin.sock"

    @property
    def halt_file(self) -> Path:
        """The sentinel file: while it is there, what it names is halted."""
        return self.state_dir / "halt"

    @property
    def listen_file(self) -> Path:
        """Where the daemon writes the addresses in use, for processes that look for it."""
        return self.state_dir / "listen.json"
