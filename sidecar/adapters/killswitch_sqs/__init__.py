"""The port OrderFeed over Amazon SQS: our own loop and connections, botocore's credentials and signatures.

Loading it costs megabytes, which a daemon without a queue never pays: it is imported where a queue is configured.
"""

from sidecar.adapters.killswitch_sqs.endpoint import Endpoint, endpoint_of
from sidecar.adapters.killswitch_sqs.feed import SqsFeed

__all__ = ["Endpoint", "SqsFeed", "endpoint_of"]
