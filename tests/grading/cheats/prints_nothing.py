# kind: Stdio
# origin: own
# task: dialogue
# fools: stdout_lines
# verdicts: FAILED

import sys

sys.stdin.read()
