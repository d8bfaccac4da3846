"""Whether requests are served: while a slot works and no layer of the isolation is missing."""

from collections.abc import Callable, Sequence

import structlog

from trialbox.server.layers import Layer, LayersMissingError, LayerState, missing

_log = structlog.get_logger(__name__)


class Readiness:
    """What is known of the server's fitness, told to health whenever it changes."""

    def __init__(self, tell: Callable[[bool], object]) -> None:
        self.layers: Sequence[Layer] = ()
        self.waived: Sequence[str] = ()
        """Names of the layers that are missing by the operator's leave."""
        self._missing: Sequence[Layer] = ()
        self._slots_work = True
        self._is_stopping = False
        self._tell = tell

    @property
    def serves(self) -> bool:
        """What health says."""
        return self._slots_work and not self._missing and not self._is_stopping

    def require(self) -> None:
        """Raise LayersMissingError where one is: no program may start then."""
        if self._missing:
            raise LayersMissingError(self._missing)

    def found(self, layers: Sequence[Layer]) -> None:
        """Take what a self-test has found."""
        before = {layer.name for layer in self._missing}
        known = set(self.waived)
        self.layers = layers
        self.waived = [layer.name for layer in layers if layer.state is LayerState.WAIVED]
        self._missing = missing(layers)
        for layer in layers:
            if layer.state is LayerState.WAIVED and layer.name not in known:
                _log.warning("layer_waived", layer=layer.name, evidence=layer.evidence)
        for layer in self._missing:
            _log.error("layer_missing", layer=layer.name, evidence=layer.evidence, remedy=layer.remedy)
        for name in sorted(before - {layer.name for layer in self._missing}):
            _log.info("layer_back", layer=name)
        self._tell(self.serves)

    def slots_work(self, working: bool) -> None:
        """Take note that the last working slot broke, or that one works again."""
        self._slots_work = working
        self._tell(self.serves)

    def stop(self) -> None:
        """Take note that the server takes nothing new."""
        self._is_stopping = True
        self._tell(self.serves)
