# kind: Exit
# origin: published
# fools: exit_code
# verdicts: ERROR

import sys

sys.exit(0)
