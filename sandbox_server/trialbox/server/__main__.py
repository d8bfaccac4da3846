"""`python -m trialbox.server`."""

import sys

from trialbox.server.app import main

sys.exit(main())
