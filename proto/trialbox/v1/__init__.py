"""The contract: the messages and the service on the wire, and what both ends agree on beside them."""

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
"""The largest message either end sends or accepts; gRPC's own default is 4 MiB."""

KEEPALIVE_SECONDS = 30
"""How often a client asks whether an idle connection still lives. Servers allow it twice as often."""

MINIMUM_LIMITS = {"open_files": 16, "disk_inodes": 16}
"""The least that may be asked for, of limits below which a program may not start; of all others, anything above 0."""

CLIENT_ID_KEY = "trialbox-client-id"
"""The metadata by which a client names itself, so that clients that wait for a full server take turns."""
