"""How to reach a service: address, credentials, retries."""

import json
import re
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from trialbox.client._errors import InvalidRequestError
from trialbox.client._wire.trace import headers
from trialbox.v1 import CLIENT_ID_KEY, KEEPALIVE_SECONDS, MAX_MESSAGE_BYTES

MAX_ATTEMPTS = 5
FIRST_BACKOFF_SECONDS = 0.2
_KEEPALIVE_ANSWER_SECONDS = 10
_SERVICE = "trialbox.v1.SandboxService"
# Of ExecuteStream, gRPC tries again what has not answered yet: not after the first event.
_RETRIED_METHODS = ("Execute", "ExecuteStream", "Evaluate", "GetServerInfo")

# The requests of a batch can't be sent again by gRPC; `Flight` does that.
_RETRIES = {
    "name": [{"service": _SERVICE, "method": method} for method in _RETRIED_METHODS],
    "retryPolicy": {
        "maxAttempts": MAX_ATTEMPTS,
        "initialBackoff": f"{FIRST_BACKOFF_SECONDS}s",
        "maxBackoff": "5s",
        "backoffMultiplier": 2,
        # CANCELLED: a server that stops may end so what had just come; gRPC tries nothing again that was given up here.
        # RESOURCE_EXHAUSTED is for `Patience`.
        "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
    },
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a service is and how to talk to it; the arguments of `Sandbox`."""

    address: str
    token: str | None = field(default=None, repr=False)
    tls: bool | str | Path = False
    retry: bool = True
    certificate: tuple[str | Path, str | Path] | None = field(default=None, repr=False)
    client_id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def __post_init__(self) -> None:
        """Raise InvalidRequestError for what gRPC would read as something else than was meant."""
        if not isinstance(self.address, str) or not _is_address(self.address):
            told = f"is {self.address!r:.80}; HOST:PORT or unix:PATH is wanted"
            raise InvalidRequestError.of_field("address", told)
        if self.token is not None and not re.fullmatch("[!-~]([ -~]*[!-~])?", self.token):
            raise InvalidRequestError.of_field("token", "ASCII in one line is wanted, no space before or after it")
        if self.certificate is not None and self.tls is False:
            raise InvalidRequestError.of_field("certificate", "is given without tls, so nobody would ask for it")

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
            # A machine that goes without a word is noticed, and no box on the way forgets an idle connection.
            ("grpc.keepalive_time_ms", KEEPALIVE_SECONDS * 1000),
            ("grpc.keepalive_timeout_ms", _KEEPALIVE_ANSWER_SECONDS * 1000),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.max_pings_without_data", 0),
        ]

    def credentials(self) -> grpc.ChannelCredentials | None:
        """TLS with the system's roots, or with those in a PEM file; None means plaintext.

        Raises:
            OSError: A file can't be read.
        """
        if self.tls is False:
            return None
        roots = None if self.tls is True else Path(self.tls).read_bytes()
        if self.certificate is None:
            return grpc.ssl_channel_credentials(roots)
        chain, key = (Path(file).read_bytes() for file in self.certificate)
        return grpc.ssl_channel_credentials(roots, private_key=key, certificate_chain=chain)

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What goes with a call that is made now."""
        named = ((CLIENT_ID_KEY, self.client_id), *headers())
        return named if self.token is None else (*named, ("authorization", f"Bearer {self.token}"))


def _is_address(address: str) -> bool:
    """Whether it says all that is needed to connect: gRPC takes port 443 where none is given."""
    kind, _, rest = address.partition(":")
    if kind in ("unix", "unix-abstract", "xds"):
        return rest != ""
    if kind in ("ipv4", "ipv6"):
        return all(map(_has_port, rest.split(",")))
    return _has_port(re.sub("^//[^/]*/", "", rest) if kind == "dns" else address)


def _has_port(address: str) -> bool:
    match = re.fullmatch(r"(?:\[[^\[\]]+\]|[^:/\[\]]+):([0-9]{1,5})", address)
    return match is not None and 0 < int(match[1]) < 1 << 16
