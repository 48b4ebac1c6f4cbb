"""What the services need of the world, written by its users. Adapters and test fakes implement these."""

from sidecar.core.killswitch.book import Epoch
from sidecar.service.ports.approvals import ApprovalStore
from sidecar.service.ports.audit import DecisionLog, LogStatus, Receipt
from sidecar.service.ports.bundles import BundleSource, BundleStore, Content, Fetched, Kept
from sidecar.service.ports.clock import Clock
from sidecar.service.ports.killswitch import (
    Certificates,
    FeedTrouble,
    HaltChange,
    HaltFile,
    HaltSignals,
    HaltStore,
    KeptHalts,
    Message,
    OrderFeed,
    Reading,
    Sentinel,
    Signalled,
    StateSource,
)
from sidecar.service.ports.metrics import Metrics
from sidecar.service.ports.outbox import OutboxStatus, OutboxStore, Recipient, Slip, Told
from sidecar.service.ports.platform import CallersHeaders, Platform, PlatformCall, PlatformReply

__all__ = [
    "ApprovalStore",
    "BundleSource",
    "BundleStore",
    "CallersHeaders",
    "Certificates",
    "Clock",
    "Content",
    "DecisionLog",
    "Epoch",
    "FeedTrouble",
    "Fetched",
    "HaltChange",
    "HaltFile",
    "HaltSignals",
    "HaltStore",
    "Kept",
    "KeptHalts",
    "LogStatus",
    "Message",
    "Metrics",
    "OrderFeed",
    "OutboxStatus",
    "OutboxStore",
    "Platform",
    "PlatformCall",
    "PlatformReply",
    "Reading",
    "Receipt",
    "Recipient",
    "Sentinel",
    "Signalled",
    "Slip",
    "StateSource",
    "Told",
]
