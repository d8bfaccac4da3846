"""How a server is reached: in the clear, or by TLS with certificates that are renewed on disk."""

import os
import ssl
from pathlib import Path

import grpc
import structlog

from trialbox.server.handover import sealed
from trialbox.server.renewal import states
from trialbox.server.settings import InvalidSettingsError, Settings

_log = structlog.get_logger(__name__)


def bind(server: grpc.aio.Server, settings: Settings, certificates: "Certificates | None") -> int:
    """Have a server listen where its settings say; returns the port, raises RuntimeError where it can't."""
    if certificates is None:
        return server.add_insecure_port(settings.address)
    return server.add_secure_port(settings.address, certificates.credentials())


class Certificates:
    """The server's certificate and key, and the authorities of its clients' where these must show one.

    Each new connection has those that lie on disk by then; ones that can't be used change nothing.
    """

    def __init__(self, certificate: Path, key: Path, client_ca: Path | None) -> None:
        """Read the files; raises InvalidSettingsError."""
        self._certificate = certificate
        self._key = key
        self._client_ca = client_ca
        self._seen = states(self._certificate, self._key, self._client_ca)
        self._first = self._read()

    @classmethod
    def of(cls, settings: Settings) -> "Certificates | None":
        """Those that settings ask for, None where it is none; raises InvalidSettingsError."""
        if settings.tls_certificate_file is None or settings.tls_key_file is None:
            return None
        return cls(settings.tls_certificate_file, settings.tls_key_file, settings.tls_client_ca_file)

    def credentials(self) -> grpc.ServerCredentials:
        """What gRPC wants to know."""
        credentials: grpc.ServerCredentials = grpc.dynamic_ssl_server_credentials(
            self._first,
            self._renewed,  # type: ignore[arg-type]  # the stub forgets that it may return None
            require_client_authentication=self._client_ca is not None,
        )
        return credentials

    def _renewed(self) -> "grpc.ServerCertificateConfiguration | None":
        # gRPC asks at each new connection, on a thread of its own; None changes nothing.
        state = states(self._certificate, self._key, self._client_ca)
        if state == self._seen:
            return None
        self._seen = state
        try:
            renewed = self._read()
        except InvalidSettingsError as error:  # such as a certificate whose key is still on its way
            _log.error("certificates_not_renewed", error=str(error), meaning="the old ones stay")
            return None
        _log.info("certificates_renewed", file=str(self._certificate))
        return renewed

    def _read(self) -> grpc.ServerCertificateConfiguration:
        certificate = _content("TRIALBOX_TLS_CERTIFICATE_FILE", self._certificate)
        key = _content("TRIALBOX_TLS_KEY_FILE", self._key)
        # gRPC takes what it can't use without a word, and lets connections fail.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        descriptors = [sealed(name, content) for name, content in (("certificate", certificate), ("key", key))]
        try:
            certificate_path, key_path = (f"/proc/self/fd/{descriptor}" for descriptor in descriptors)
            context.load_cert_chain(certificate_path, key_path, password=lambda: "")  # else it asks a terminal
        except ssl.SSLError as error:
            raise InvalidSettingsError(
                f"TRIALBOX_TLS_CERTIFICATE_FILE = '{self._certificate}', TRIALBOX_TLS_KEY_FILE = '{self._key}': "
                f"a PEM certificate and its unencrypted key are wanted: {error.reason or error}"
            ) from None
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        authorities = None
        if self._client_ca is not None:
            authorities = _content("TRIALBOX_TLS_CLIENT_CA_FILE", self._client_ca)
            try:
                context.load_verify_locations(cadata=authorities.decode())
            except (ssl.SSLError, ValueError) as error:
                told = f"TRIALBOX_TLS_CLIENT_CA_FILE = '{self._client_ca}': PEM certificates are wanted: {error}"
                raise InvalidSettingsError(told) from None
        return grpc.ssl_server_certificate_configuration([(key, certificate)], authorities)


def _content(variable: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidSettingsError(f"{variable} = '{path}': can't be read: {error.strerror}") from None
