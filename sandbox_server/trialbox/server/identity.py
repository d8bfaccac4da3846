"""Who calls: asks every call but those of health for a token or a certificate, and refuses who has none of use.

A stream may outlive the right to it: whoever acts for a caller asks `tenant()` anew for each request.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextvars import ContextVar
from functools import partial
from typing import Any, TypeAlias

import grpc
import structlog
from google.rpc.status_pb2 import Status

from trialbox.server import status
from trialbox.server.calls import wrapped
from trialbox.server.health import HEALTH_SERVICE
from trialbox.server.tenants import AccessError, Tenant, Tenants, UnauthenticatedError

# The stubs make generics of what are plain classes when they run.
_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
# Probes have no token, and learn nothing but whether the server serves.
_OPEN = f"/{HEALTH_SERVICE}/"
_SCHEME = "bearer "

_authenticated: ContextVar[Callable[[], Tenant]] = ContextVar("authenticated")
_name: ContextVar[str] = ContextVar("name", default="")


def tenant() -> Tenant:
    """Whose call this is, by the tenants of this moment; raises AccessError."""
    return _authenticated.get()()


def tenant_name() -> str:
    """Whose call this was found to be when it began; empty for nobody's."""
    return _name.get()


class Authentication(grpc.aio.ServerInterceptor):
    """Lets calls pass whose credentials are a tenant's.

    `tenants` gives those in force, `certificates` says whether clients show certificates, `refuse` makes a status
    of an error and takes note of it.
    """

    def __init__(
        self,
        tenants: Callable[[], Tenants],
        *,
        certificates: bool,
        refuse: Callable[[Exception], Status],
    ) -> None:
        self._tenants = tenants
        self._certificates = certificates
        self._refuse = refuse

    async def intercept_service(
        self,
        continuation: "Callable[[grpc.HandlerCallDetails], Awaitable[_Handler | None]]",
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "_Handler | None":
        """Wrap the handler of this call, or put a refusal in its place."""
        handler = await continuation(handler_call_details)
        if handler is None or str(handler_call_details.method).startswith(_OPEN):
            return handler
        try:
            token = _token(handler_call_details.invocation_metadata or ())
            if token is not None or not self._certificates:
                self._tenants().authenticate(token)
        except AccessError as error:
            return self._refusing(error)
        return wrapped(handler, partial(self._one, token), partial(self._many, token))

    def _refusing(self, error: AccessError) -> _Handler:
        """A handler that reads nothing: what a stranger sends takes no memory."""

        async def refuse(requests: Any, context: _Context) -> AsyncIterator[Any]:
            await status.abort(context, self._refuse(error))
            yield

        return grpc.stream_stream_rpc_method_handler(refuse)

    def _one(self, token: str | None, handle: Callable[..., Any]) -> Callable[[Any, _Context], Awaitable[Any]]:
        async def authenticated(request: Any, context: _Context) -> Any:
            await self._authenticate(token, context)
            return await handle(request, context)

        return authenticated

    def _many(self, token: str | None, handle: Callable[..., Any]) -> Callable[[Any, _Context], AsyncIterator[Any]]:
        async def authenticated(request: Any, context: _Context) -> AsyncIterator[Any]:
            await self._authenticate(token, context)
            async for answer in handle(request, context):
                yield answer

        return authenticated

    async def _authenticate(self, token: str | None, context: _Context) -> None:
        names = _certificate_names(context) if self._certificates else frozenset()

        def authenticate() -> Tenant:
            return self._tenants().authenticate(token, names)

        try:
            name = authenticate().name
        except AccessError as error:
            await status.abort(context, self._refuse(error))
        _authenticated.set(authenticate)
        _name.set(name)
        structlog.contextvars.bind_contextvars(tenant=name)


def _token(metadata: Iterable[tuple[str, str | bytes]]) -> str | None:
    """The bearer token that came with a call; raises UnauthenticatedError for anything else in its place."""
    given = [str(value) for key, value in metadata if key == "authorization"]
    if not given:
        return None
    if len(given) > 1 or not given[0].lower().startswith(_SCHEME):
        raise UnauthenticatedError("TOKEN_MALFORMED", "one token is wanted: authorization: Bearer TOKEN")
    return given[0][len(_SCHEME) :].strip()


def _certificate_names(context: _Context) -> frozenset[str]:
    """The alternative names of the client's certificate; where it has none, its common name."""
    told = context.auth_context()
    names = told.get("x509_subject_alternative_name") or told.get("x509_common_name") or ()
    return frozenset(name.decode(errors="replace") for name in names)
