"""How to reach a service: address, credentials, retries."""

import json
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from trialbox.v1 import CLIENT_ID_KEY, MAX_MESSAGE_BYTES

MAX_ATTEMPTS = 5
FIRST_BACKOFF_SECONDS = 0.2
_SERVICE = "trialbox.v1.SandboxService"
_UNARY_METHODS = ("Execute", "Evaluate", "GetServerInfo")

# A stream's requests can't be sent again by gRPC; `Flight` does that.
_RETRIES = {
    "name": [{"service": _SERVICE, "method": method} for method in _UNARY_METHODS],
    "retryPolicy": {
        "maxAttempts": MAX_ATTEMPTS,
        "initialBackoff": f"{FIRST_BACKOFF_SECONDS}s",
        "maxBackoff": "5s",
        "backoffMultiplier": 2,
        # A server pushes back (grpc-retry-pushback-ms) to set the pause, or to refuse the retry.
        "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED"],
    },
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a service is and how to talk to it; the arguments of `Sandbox`."""

    address: str
    token: str | None = field(default=None, repr=False)
    tls: bool | str | Path = False
    retry: bool = True
    client_id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def options(self) -> list[tuple[str, str | int]]:
        """The channel's options."""
        service_config = {
            "loadBalancingConfig": [{"round_robin": {}}],
            "methodConfig": [_RETRIES] if self.retry else [],
        }
        return [
            ("grpc.service_config", json.dumps(service_config)),
            ("grpc.enable_retries", int(self.retry)),
            # A larger message would be sent only once: gRPC keeps what it may have to send again.
            ("grpc.per_rpc_retry_buffer_size", MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ]

    def credentials(self) -> grpc.ChannelCredentials | None:
        """TLS with the system's roots, or with those in a PEM file; None means plaintext.

        Raises:
            OSError: The file can't be read.
        """
        if self.tls is False:
            return None
        return grpc.ssl_channel_credentials(None if self.tls is True else Path(self.tls).read_bytes())

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What goes with every call."""
        named = ((CLIENT_ID_KEY, self.client_id),)
        return named if self.token is None else (*named, ("authorization", f"Bearer {self.token}"))
