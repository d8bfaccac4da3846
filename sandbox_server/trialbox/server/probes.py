"""Health on a port of its own, for probes that know neither TLS nor tokens, as Kubernetes' do."""

import grpc
from grpc_health.v1 import health_pb2_grpc

from trialbox.server.health import Health
from trialbox.server.sandbox import CannotServeError

LIVENESS = "liveness"
"""What a probe asks for that would restart the server. A missing layer is no reason to: a restart doesn't bring it."""

_LONGEST_QUESTION_BYTES = 1024


async def start(address: str | None, servicer: Health) -> grpc.aio.Server | None:
    """Answer there what `servicer` knows, and nothing else; raises CannotServeError."""
    if address is None:
        return None
    servicer.set((LIVENESS,), serving=True)
    server = grpc.aio.server(
        options=[("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", _LONGEST_QUESTION_BYTES)]
    )
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    try:
        server.add_insecure_port(address)
    except RuntimeError as error:
        raise CannotServeError(f"can't listen on {address} for health: {error}") from error
    await server.start()
    return server
