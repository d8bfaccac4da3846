"""Set-up for tests of the server's parts that need no jail."""

import sys

import hypothesis

from trialbox.server.guest import frames
from trialbox.v1 import values

# In a jail the guest's modules lie in one folder and name each other without a package.
sys.modules.setdefault("frames", frames)
sys.modules.setdefault("values", values)

# A busy machine must fail no test.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")
