# kind: Exit
# origin: published
# fools: exit_code
# verdicts: ERROR

import os

os._exit(0)
