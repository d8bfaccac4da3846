import sys

for stream in (sys.stdin, sys.stdout, sys.stderr):
    print(stream.name, stream.mode, stream.encoding, stream.errors, stream.isatty(), stream.line_buffering, stream.fileno())
    print(stream.newlines, stream.write_through, type(stream.buffer).__name__, type(stream.buffer.raw).__name__)
