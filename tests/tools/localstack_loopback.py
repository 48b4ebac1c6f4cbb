"""Run by LocalStack's own Python: start it on loopback alone, which its gateway does not do by itself.

It hands Twisted the port of GATEWAY_LISTEN and not the host, so the default of the endpoint decides.
"""

import functools

from twisted.internet import endpoints

endpoints.TCP4ServerEndpoint.__init__ = functools.partialmethod(
    endpoints.TCP4ServerEndpoint.__init__, interface="127.0.0.1"
)

from localstack.runtime.main import main  # noqa: E402 - only now is what it binds decided

main()
