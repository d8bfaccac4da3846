"""`python -m trialbox.cli`."""

import sys

from trialbox.cli import main

sys.exit(main())
