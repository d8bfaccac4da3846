"""What probes are told, by gRPC's health protocol.

grpcio-health-checking has a servicer too, but whoever watches there can hold up the rest: one that goes takes the
news of the others with it, and one that reads nothing keeps a server from stopping. And strangers may watch.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health_pb2 import HealthCheckResponse

HEALTH_SERVICE = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
"""Its name in the protocol."""


class Health(health_pb2_grpc.HealthServicer):
    """The state of services by name; telling it waits for nobody who listens."""

    def __init__(self) -> None:
        self._serving: dict[str, bool] = {}
        self._changed = asyncio.Event()

    def set(self, services: Iterable[str], *, serving: bool) -> None:
        """Say whether these are served."""
        self._serving |= dict.fromkeys(services, serving)
        # Those who wait have the old one.
        self._changed.set()
        self._changed = asyncio.Event()

    async def Check(
        self,
        request: health_pb2.HealthCheckRequest,
        context: "grpc.aio.ServicerContext[Any, Any]",
    ) -> HealthCheckResponse:
        """Tell the state of one service."""
        if request.service not in self._serving:
            await context.abort(grpc.StatusCode.NOT_FOUND)
        return HealthCheckResponse(status=self._status(request.service))

    async def Watch(
        self,
        request: health_pb2.HealthCheckRequest,
        context: "grpc.aio.ServicerContext[Any, Any]",
    ) -> AsyncIterator[HealthCheckResponse]:
        """Tell the state of one service, and each other that it comes to be in."""
        told = None
        while True:
            changed, status = self._changed, self._status(request.service)
            if status != told:
                told = status
                yield HealthCheckResponse(status=status)
            await changed.wait()

    def _status(self, service: str) -> int:
        if service not in self._serving:
            return HealthCheckResponse.SERVICE_UNKNOWN
        return HealthCheckResponse.SERVING if self._serving[service] else HealthCheckResponse.NOT_SERVING
