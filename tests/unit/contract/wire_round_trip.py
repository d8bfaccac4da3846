"""Run in a light environment: a message through the wire format, and a real call over a Unix socket."""

import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version

import grpc

from trialbox.v1 import (
    MAX_MESSAGE_BYTES,
    evaluation_pb2,
    execution_pb2,
    sandbox_service_pb2,
    sandbox_service_pb2_grpc,
    values,
)

EXECUTION = execution_pb2.Execution(
    request_id="one",
    outcome=execution_pb2.OUTCOME_SIGNALED,
    signal=9,
    stdout=b"\xff\x00",
    files=[execution_pb2.OutputFile(path="out", content=b"x")],
    usage=execution_pb2.Usage(wall_seconds=0.5, peak_processes=0),
)


class Servicer(sandbox_service_pb2_grpc.SandboxServiceServicer):
    def Execute(
        self, request: sandbox_service_pb2.ExecuteRequest, context: grpc.ServicerContext
    ) -> sandbox_service_pb2.ExecuteResponse:
        assert request.program.files["in"] == b"\x00" and request.limits.wall_seconds == 2.0
        return sandbox_service_pb2.ExecuteResponse(execution=EXECUTION)


def main() -> None:
    assert execution_pb2.Execution.FromString(EXECUTION.SerializeToString()) == EXECUTION
    assert EXECUTION.HasField("signal") and not EXECUTION.HasField("exit_code")
    call = evaluation_pb2.CallCase(entry_point="f", arguments=values.encode((1, [2.5])))
    case = evaluation_pb2.Case.FromString(evaluation_pb2.Case(call=call).SerializeToString())
    assert case.WhichOneof("kind") == "call" and values.decode(case.call.arguments) == (1, [2.5])
    error = sandbox_service_pb2.ExecuteBatchResponse()
    error.answers.add().error.code = 8
    assert sandbox_service_pb2.ExecuteBatchResponse.FromString(error.SerializeToString()) == error

    limits = [("grpc.max_receive_message_length", MAX_MESSAGE_BYTES)]
    server = grpc.server(ThreadPoolExecutor(1), options=limits)
    sandbox_service_pb2_grpc.add_SandboxServiceServicer_to_server(Servicer(), server)  # type: ignore[abstract]
    with tempfile.TemporaryDirectory() as folder:
        address = f"unix:{folder}/socket"
        server.add_insecure_port(address)
        server.start()
        with grpc.insecure_channel(address, options=limits) as channel:
            request = sandbox_service_pb2.ExecuteRequest(
                program=execution_pb2.Program(source=b"", files={"in": b"\x00"}),
                limits=execution_pb2.Limits(wall_seconds=2),
            )
            response = sandbox_service_pb2_grpc.SandboxServiceStub(channel).Execute(request, timeout=60)
        assert response.execution == EXECUTION
        server.stop(None).wait()
    sys.stdout.write(f"{version('grpcio')} {version('protobuf')}\n")


if __name__ == "__main__":
    main()
