"""Access tokens for applications that are licensed through Sentinel Cloud LM.

    from regent import TokenSource

    source = TokenSource("cad")
    print(source.token(min_ttl=30).expires_in)

The tokens come from regentd, the agent on this device. The package checks who
listens at the socket before it sends anything.
"""

from .errors import *  # noqa: F401,F403
from .errors import RegentError
from .source import Token, TokenSource

__all__ = ["RegentError", "Token", "TokenSource"]
__version__ = "0.1.0"
